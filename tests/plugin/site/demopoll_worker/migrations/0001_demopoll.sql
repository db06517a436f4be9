-- Schema of DemoPoll's worker: its role, its outbox, the attempt engine's tables, its leases.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_demopoll') then
        create role cift_demopoll nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_demopoll to current_user;

create schema demopoll;
grant usage on schema demopoll to cift_demopoll;

create table demopoll.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);
grant select, insert, delete on demopoll.outbox to cift_demopoll;

set local search_path to demopoll;

\include cift_shared.attempts attempt_tables_1.sql
\include cift_shared lease_table_1.sql

grant select, insert, update on attempt, notice, lease to cift_demopoll;
