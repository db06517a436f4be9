-- Messages that leave with the commit; the relay of the ledger service publishes and deletes them.

set local role cift_ledger_owner;

create table ledger.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

reset role;
