-- Payments, the moves they may make, and what happened to them.

set local role cift_ledger_owner;

-- The one table of allowed moves; ledger.domain.TRANSITIONS says the same (a test compares them).
create table ledger.payment_transition (
    from_status text not null,
    to_status   text not null,
    primary key (from_status, to_status)
);

insert into ledger.payment_transition (from_status, to_status) values
    ('pending', 'processing'),
    ('pending', 'requires_action'),
    ('pending', 'completed'),
    ('pending', 'failed'),
    ('pending', 'expired'),
    ('pending', 'canceled'),
    ('pending', 'in_review'),
    ('processing', 'requires_action'),
    ('processing', 'completed'),
    ('processing', 'failed'),
    ('processing', 'expired'),
    ('processing', 'in_review'),
    ('requires_action', 'processing'),
    ('requires_action', 'requires_action'),  -- another action is asked for
    ('requires_action', 'completed'),
    ('requires_action', 'failed'),
    ('requires_action', 'expired'),
    ('requires_action', 'in_review'),
    -- money that moved after all: people must look
    ('failed', 'in_review'),
    ('expired', 'in_review'),
    ('canceled', 'in_review');

create table ledger.payment (
    payment_id           uuid primary key,
    merchant_id          text not null,
    livemode             boolean not null,
    customer_id          text not null,
    type                 text not null check (type in ('deposit', 'withdrawal', 'refund')),
    method               text not null,
    status               text not null default 'pending' check (
        status in ('pending', 'processing', 'requires_action',
                   'completed', 'failed', 'expired', 'canceled', 'in_review')),
    minor                numeric(38, 0) not null check (minor > 0),  -- what the provider moves
    currency             text not null references ledger.currency,
    fee_minor            numeric(38, 0) not null check (fee_minor >= 0),
    -- what the customer's balance gains (deposit) or loses (withdrawal, refund)
    net_minor            numeric(38, 0) not null check (net_minor >= 0),
    pricing              jsonb,  -- how the fee came about: rule, rate and its source, quote
    parent_payment_id    uuid references ledger.payment,
    refunded_minor       numeric(38, 0) not null default 0 check (refunded_minor >= 0),
    refund_pending_minor numeric(38, 0) not null default 0 check (refund_pending_minor >= 0),
    -- what went back after the payment was completed: see 0015
    reversed_minor       numeric(38, 0) not null default 0 check (reversed_minor >= 0),
    disputed_minor       numeric(38, 0) not null default 0,
    provider_reference   text,  -- the provider's receipt; only a settlement brings it
    provider_fee_minor   numeric(38, 0) check (provider_fee_minor >= 0),
    provider_fee_currency text,  -- the provider may charge in another currency
    suspense_posted      boolean not null default false,  -- money that came with no place for it
    failure              jsonb,
    next_action          jsonb,
    instrument           jsonb,
    description          text,
    return_url           text,
    metadata             jsonb not null default '{}',
    -- {"headers": {..}, "body": ..}: the command as it was published, for the sweeper
    command              jsonb not null,
    estimated_arrival    timestamptz,
    next_check_at        timestamptz,  -- when the worker said it will ask the provider again
    version              integer not null default 1,  -- counts what the merchant can see
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    -- the accounts this payment is about, fixed when it is accepted
    customer_account_id  bigint not null references ledger.account,
    provider_account_id  bigint not null references ledger.account,
    fees_account_id      bigint not null references ledger.account,
    merchant_account_id  bigint references ledger.account,  -- set when the merchant pays the fee
    -- the newest result that counted: an older one of the same attempt can't undo it
    attempt_id           uuid,
    attempt_seq          integer not null default 0,
    heard_at             timestamptz not null,  -- when the worker was last heard of
    sweep_count          integer not null default 0,
    swept_at             timestamptz,  -- set while nothing was heard since the last sweep
    constraint payment_net_follows_from_fee check (
        net_minor = case
            when merchant_account_id is not null then minor
            when type = 'withdrawal' then minor + fee_minor
            else minor - fee_minor end),
    constraint payment_refund_has_parent check ((type = 'refund') = (parent_payment_id is not null)),
    constraint payment_refunds_within_captured check (
        refunded_minor + refund_pending_minor <= minor),
    constraint payment_provider_fee_has_currency check (
        (provider_fee_minor is null) = (provider_fee_currency is null))
);

-- Settling a payment rewrites its row. The command is the bulk of it and never changes: out of line
-- it is written once instead of at every step. Half empty pages: the new version finds room beside
-- the old one, needs no new index entries, and the log keeps only what differs.
alter table ledger.payment alter column command set storage external;
alter table ledger.payment set (toast_tuple_target = 1024, fillfactor = 50);

-- No index on what a result changes: then an update needs no new index entries.
create index payment_by_merchant
    on ledger.payment (merchant_id, livemode, created_at desc, payment_id desc);
create index payment_refunds on ledger.payment (parent_payment_id)
    where parent_payment_id is not null;
create trigger payment_never_deleted
    before delete on ledger.payment
    for each row execute function ledger.refuse_change();

-- The provider's receipts: one counts for one payment only.
create table ledger.receipt (
    method     text not null,
    reference  text not null,
    payment_id uuid not null,
    primary key (method, reference)
);

create trigger receipt_append_only
    before update or delete on ledger.receipt
    for each row execute function ledger.refuse_change();
create trigger receipt_no_truncate
    before truncate on ledger.receipt
    for each statement execute function ledger.refuse_change();

-- Payments that a worker or people still have to end: all the sweeper looks through.
create table ledger.unfinished (
    payment_id uuid primary key
);

-- Everything that happened to a payment, results that changed nothing included. No foreign key to
-- the payment, here and in ledger_tx: the functions write under that payment's row lock, payments
-- are never deleted, the verifier looks for orphans, and a check of each row costs a tenth of the
-- posting speed.
create table ledger.payment_event (
    event_seq   bigint primary key,  -- its position in the log: see 0006
    payment_id  uuid not null,
    version     integer not null,  -- of the payment, after this
    kind        text not null,     -- accepted, cancel_requested, or the result's kind
    from_status text,
    to_status   text,              -- null when the status did not change
    -- applied: it changed the payment; conflict: it contradicted the payment and changed nothing
    disposition text not null check (
        disposition in ('applied', 'noted', 'duplicate', 'stale', 'conflict')),
    result_id   text unique,       -- a result that comes again finds itself here
    detail      jsonb not null default '{}',  -- the result exactly as it was sent
    reason      text,              -- why the ledger concluded what it did
    posting     text,              -- settlement, suspense, or null
    occurred_at timestamptz not null,
    created_at  timestamptz not null default now()
);

create index payment_event_by_payment on ledger.payment_event (payment_id, event_seq);

create trigger payment_event_append_only
    before update or delete on ledger.payment_event
    for each row execute function ledger.refuse_change();
create trigger payment_event_no_truncate
    before truncate on ledger.payment_event
    for each statement execute function ledger.refuse_change();

reset role;
