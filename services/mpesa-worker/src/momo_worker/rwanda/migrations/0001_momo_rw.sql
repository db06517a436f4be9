-- Schema of MTN MoMo Rwanda: its role, its outbox, the attempt engine's tables, its leases.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_momo_rw') then
        create role cift_momo_rw nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_momo_rw to current_user;

create schema momo_rw;
grant usage on schema momo_rw to cift_momo_rw;

set local search_path to momo_rw;

\include momo_worker momo_tables_1.sql
\include cift_shared.attempts attempt_tables_1.sql
\include cift_shared lease_table_1.sql

grant select, insert, delete on outbox to cift_momo_rw;
grant select, insert, update on access_token, sent, attempt, notice, lease to cift_momo_rw;
