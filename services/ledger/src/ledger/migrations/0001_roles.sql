-- Who owns the books, who works on them, who may look.
--
-- cift_ledger_owner  owns the schema, its tables and its functions; nobody logs in as it.
-- cift_ledger        the ledger service: reads everything, executes the ledger's functions, empties
--                    its outbox. It can't write a payment or an entry except through a function.
-- cift_gateway       the gateway: reads, and executes the three functions of acceptance.
--
-- Roles belong to the server, not to one database, so another migration may have made them.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['cift_ledger_owner', 'cift_ledger', 'cift_gateway'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
        exception
            when duplicate_object or unique_violation then
                null;  -- the migration of another database was faster
        end;
        -- so that a login which is no superuser can hand things over and take the role
        execute format('grant %I to current_user', wanted);
    end loop;
end
$$;

create schema ledger authorization cift_ledger_owner;

set local role cift_ledger_owner;

-- PostgreSQL lets everybody execute a new function; ours are executed by whom 0011 names.
alter default privileges for role cift_ledger_owner revoke execute on functions from public;

grant usage on schema ledger to cift_ledger, cift_gateway;

-- The trigger function of every append-only table.
create function ledger.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'restrict_violation',
              hint = 'correct a posting by a new one';
end
$$;

reset role;
