-- Holds: money of a customer that is promised to a withdrawal or a refund under way. A hold lowers
-- what is available and not what is posted, and ends exactly once.

set local role cift_ledger_owner;

create table ledger.hold (
    hold_id    bigint generated always as identity primary key,
    payment_id uuid not null unique references ledger.payment,
    account_id bigint not null references ledger.account,
    amount     numeric(38, 0) not null check (amount >= 0),
    state      text not null default 'held' check (
        state in ('held', 'captured', 'released', 'expired')),
    created_at timestamptz not null,
    ended_at   timestamptz,
    constraint hold_ends_with_a_time check ((state = 'held') = (ended_at is null))
);

create index hold_open on ledger.hold (account_id) where state = 'held';

-- Once ended, a hold stays as it ended.
create function ledger.refuse_second_end() returns trigger
language plpgsql
as $$
begin
    if old.state <> 'held' or new.amount <> old.amount or new.account_id <> old.account_id then
        raise exception 'hold of payment % has ended as %', old.payment_id, old.state
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger hold_ends_once
    before update on ledger.hold
    for each row execute function ledger.refuse_second_end();
create trigger hold_never_deleted
    before delete on ledger.hold
    for each row execute function ledger.refuse_change();
create trigger hold_no_truncate
    before truncate on ledger.hold
    for each statement execute function ledger.refuse_change();

reset role;
