-- Whether the database still enforces what the ledger relies on: rights, triggers, functions,
-- ownership.

-- invariant: services_cannot_write
-- No role except the owner may write a table of the ledger. Exceptions: the ledger service writes
-- its outbox and the leases of its processes directly.
with writing (role_name, table_name, privilege) as (
    -- effective rights of a service: by grants, by role membership or as a superuser
    select r.rolname, c.relname, p.privilege
    from pg_roles r
    cross join pg_class c
    cross join unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as p (privilege)
    where r.rolname ~ '^cift_' and r.rolname <> 'cift_ledger_owner'
      and r.oid <> (select relowner from pg_class where oid = to_regclass('public.cift_migration'))
      and c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and (has_table_privilege(r.oid, c.oid, p.privilege)
           or (p.privilege in ('INSERT', 'UPDATE')
               and has_any_column_privilege(r.oid, c.oid, p.privilege)))
    union
    -- every grant to any role, on a table, a column or a sequence
    select coalesce(g.rolname, 'everybody'), c.relname, acl.privilege_type
    from pg_class c
    cross join lateral (
        select * from aclexplode(c.relacl)
        union all
        select a.* from pg_attribute t cross join lateral aclexplode(t.attacl) a
        where t.attrelid = c.oid and not t.attisdropped
    ) acl
    left join pg_roles g on g.oid = acl.grantee
    where c.relnamespace = 'ledger'::regnamespace and acl.grantee <> c.relowner
      and (acl.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
           or (c.relkind = 'S' and acl.privilege_type = 'USAGE'))
)
select role_name || ' may ' || privilege || ' ' || table_name as subject
from writing
where (role_name, table_name::text, privilege) not in (
    ('cift_ledger', 'outbox', 'INSERT'), ('cift_ledger', 'outbox', 'DELETE'),
    ('cift_ledger', 'lease', 'INSERT'), ('cift_ledger', 'lease', 'UPDATE'))
union all
select r.rolname || ' may create in the schema'
from pg_roles r
where r.rolname ~ '^cift_' and r.rolname <> 'cift_ledger_owner'
  and r.oid <> (select relowner from pg_class where oid = to_regclass('public.cift_migration'))
  and has_schema_privilege(r.oid, 'ledger', 'CREATE');

-- invariant: guards_are_armed
-- Every guard trigger exists and is enabled, no rule rewrites statements, and no setting turns
-- triggers off for a session.
with expected (table_name, event, function_name) as (
    select t.table_name, e.event, 'refuse_change'
    from unnest(array['ledger_tx', 'entry', 'payment_event', 'receipt', 'block', 'input', 'conversion',
                       'recon_run', 'provider_line', 'discrepancy_event'])
        as t (table_name)
    cross join unnest(array['UPDATE', 'DELETE', 'TRUNCATE']) as e (event)
    union all
    select t.table_name, e.event, 'refuse_change'
    from unnest(array['payment', 'account', 'balance', 'hold', 'dispute', 'discrepancy']) as t (table_name)
    cross join unnest(array['DELETE', 'TRUNCATE']) as e (event)
    union all
    values
        ('account', 'UPDATE', 'refuse_change'),
        ('payment', 'UPDATE OF', 'refuse_new_terms'),
        ('payment', 'UPDATE OF', 'refuse_new_amounts'),
        ('balance', 'UPDATE OF', 'refuse_change'),
        ('hold', 'UPDATE', 'refuse_second_end'),
        ('entry', 'INSERT', 'check_entries'),
        ('ledger_tx', 'INSERT', 'check_transactions')
),
-- pg_trigger.tgtype: 1 each row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate
bits (event, bit) as (
    values ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16), ('UPDATE OF', 16), ('TRUNCATE', 32)
)
select 'nothing guards ' || expected.table_name || ' against ' || event as subject
from expected
join bits using (event)
where not exists (
    select from pg_trigger t
    where t.tgrelid = to_regclass('ledger.' || expected.table_name)
      and t.tgfoid = to_regproc('ledger.' || expected.function_name)
      and t.tgtype & bit = bit
      and (t.tgtype & 2 = 2 or event = 'INSERT')
      and (t.tgtype & 1 = 1 or event in ('INSERT', 'TRUNCATE'))
      and t.tgqual is null
      and (cardinality(t.tgattr::int2[]) = 0 or event = 'UPDATE OF')
      and t.tgenabled in ('O', 'A'))
union all
select 'trigger ' || t.tgname || ' of ' || c.relname || ' is disabled'
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'ledger'::regnamespace and t.tgenabled not in ('O', 'A')
union all
select 'a rule rewrites statements on ' || c.relname
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
union all
select 'sessions begin with session_replication_role ' || reset_val
from pg_settings
where name = 'session_replication_role' and reset_val <> 'origin'
union all
select 'sessions of ' || coalesce(r.rolname, 'everybody') || ' begin with ' || setting
from pg_db_role_setting s
cross join lateral unnest(s.setconfig) setting
left join pg_roles r on r.oid = s.setrole
left join pg_database d on d.oid = s.setdatabase
where setting ~ '^session_replication_role=' and setting !~ '=origin$'
  and (s.setdatabase = 0 or d.datname = current_database());

-- invariant: functions_are_closed
-- Only the listed roles may execute a function of the ledger, and `security definer` functions have
-- a fixed search_path.
select 'everybody may execute ' || p.oid::regprocedure as subject
from pg_proc p
where p.pronamespace = 'ledger'::regnamespace
  and (p.proacl is null
       or exists (select from aclexplode(p.proacl) acl
                  where acl.grantee = 0 and acl.privilege_type = 'EXECUTE'))
union all
select p.oid::regprocedure || ' looks names up where its caller says'
from pg_proc p
where p.pronamespace = 'ledger'::regnamespace and p.prosecdef
  and not coalesce('search_path=ledger, pg_temp' = any (p.proconfig), false)
union all
select 'the guard ' || p.oid::regprocedure || ' refuses nothing'
from pg_proc p
where p.oid in (to_regproc('ledger.refuse_change'), to_regproc('ledger.refuse_second_end'),
                to_regproc('ledger.refuse_new_amounts'), to_regproc('ledger.refuse_new_terms'),
                to_regproc('ledger.check_entries'), to_regproc('ledger.check_transactions'))
  and p.prosrc !~* 'raise exception'
union all
select 'log positions are ' || problem
from pg_sequence s
cross join lateral (values
    ('drawn ahead', s.seqcache <> 1), ('drawn again', s.seqcycle), ('not ascending', s.seqincrement <> 1)
) as found (problem, is_so)
where s.seqrelid = to_regclass('ledger.log_position') and is_so;

-- invariant: owner_is_nobody
-- Everything in the ledger belongs to a role without login, and only the migrating role is a member
-- of it.
with things (what, owner) as (
    select relname::text, relowner from pg_class where relnamespace = 'ledger'::regnamespace
    union all
    select oid::regprocedure::text, proowner from pg_proc where pronamespace = 'ledger'::regnamespace
    union all
    select typname::text, typowner from pg_type where typnamespace = 'ledger'::regnamespace
    union all
    select 'the schema', nspowner from pg_namespace where nspname = 'ledger'
)
select what || ' belongs to ' || owner::regrole as subject
from things
where owner <> 'cift_ledger_owner'::regrole
union all
select 'cift_ledger_owner can log in, or do more than own'
from pg_roles
where rolname = 'cift_ledger_owner'
  and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
union all
select m.member::regrole || ' is a member of cift_ledger_owner'
from pg_auth_members m
join pg_roles r on r.oid = m.member
where m.roleid = 'cift_ledger_owner'::regrole
  and not r.rolsuper
  and m.member is distinct from (
      select relowner from pg_class where oid = to_regclass('public.cift_migration'));
