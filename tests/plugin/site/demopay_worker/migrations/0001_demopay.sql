-- Schema of DemoPay's worker: its role, its outbox, the attempt engine's tables, its leases.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_demopay') then
        create role cift_demopay nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_demopay to current_user;

create schema demopay;
grant usage on schema demopay to cift_demopay;

create table demopay.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);
grant select, insert, delete on demopay.outbox to cift_demopay;

set local search_path to demopay;

\include cift_shared.attempts attempt_tables_1.sql
\include cift_shared lease_table_1.sql

grant select, insert, update on attempt, notice, lease to cift_demopay;
