-- In which batch of payouts each withdrawal travels; written before the batch is sent.

set local search_path to paypal;

create table payout_place (
    attempt_id uuid not null,
    round      smallint not null check (round >= 0),  -- how many batches of it PayPal has denied
    batch_key  text,                                  -- null: alone, under its own id
    sends      integer not null default 0,            -- how often a shared batch was sent
    stored_at  timestamptz not null default now(),
    primary key (attempt_id, round)
);
create index payout_place_batch on payout_place (batch_key) where batch_key is not null;

-- An event about a shared batch names none of our attempts.
create index attempt_batch on attempt ((memory ->> 'batch')) where memory ->> 'batch' is not null;

grant select, insert, update, delete on payout_place to cift_paypal;
