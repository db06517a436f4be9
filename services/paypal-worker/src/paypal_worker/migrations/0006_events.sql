-- What the worker keeps about PayPal's events.

-- Events that were proven and given to a payment. The first notice of an event counts; another
-- notice of the same event is a repeat.
create table paypal.event (
    event_id  text primary key,
    notice_id text not null,
    seen_at   timestamptz not null default now()
);
create index event_seen_at on paypal.event (seen_at);

-- Transmissions that could be neither proven nor refused yet, because PayPal did not answer.
create table paypal.unverified_notice (
    notice_id   text primary key,
    sealed_body text not null,
    received_at timestamptz not null,
    tries       integer not null default 1,
    next_try_at timestamptz not null
);
create index unverified_notice_due on paypal.unverified_notice (next_try_at);

-- Up to when PayPal's list of events was read.
create table paypal.event_coverage (
    webhook_id    text primary key,
    covered_until timestamptz not null
);

-- A reversal names only its capture; the fingerprint of the attempt is that of the order.
create index attempt_capture on paypal.attempt ((memory ->> 'capture'))
    where memory ->> 'capture' is not null;

grant select, insert, delete on paypal.event to cift_paypal;
grant select, insert, update, delete on paypal.unverified_notice to cift_paypal;
grant select, insert, update on paypal.event_coverage to cift_paypal;
