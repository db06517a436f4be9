-- Quotes: a price that is promised for a while, for the payment that names it.

create table gateway.quote (
    quote_id          uuid primary key,
    merchant_id       text not null,
    livemode          boolean not null,
    type              text not null check (type in ('deposit', 'withdrawal')),
    method            text not null,
    minor             numeric(38, 0) not null check (minor > 0),
    currency          text not null,
    fee_minor         numeric(38, 0) not null check (fee_minor >= 0),
    network_fee_minor numeric(38, 0) not null check (network_fee_minor between 0 and fee_minor),
    net_minor         numeric(38, 0) not null check (net_minor > 0),
    bearer            text not null check (bearer in ('customer', 'merchant')),
    pricing           jsonb not null,  -- how the fee came about
    created_at        timestamptz not null,
    expires_at        timestamptz not null check (expires_at > created_at)
);
create index quote_by_expiry on gateway.quote using brin (expires_at);

grant select, insert, delete on gateway.quote to cift_gateway;
