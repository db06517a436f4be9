-- Schema of the card worker: its role, its outbox, the owners of saved cards at Stripe.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_card') then
        create role cift_card nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_card to current_user;

create schema card;
grant usage on schema card to cift_card;

-- Who owns saved cards: one customer of Stripe's for each customer of a merchant, in each mode.
create table card.customer (
    merchant_id text not null,
    livemode    boolean not null,
    customer_id text not null,
    stripe_id   text not null unique check (stripe_id ~ '^cus_'),
    created_at  timestamptz not null default now(),
    primary key (merchant_id, livemode, customer_id)
);

create table card.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

grant select, insert on card.customer to cift_card;
grant select, insert, delete on card.outbox to cift_card;
