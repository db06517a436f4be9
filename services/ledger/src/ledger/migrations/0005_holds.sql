-- Holds: money of a customer that is promised. A hold lowers what is available and not what is
-- posted, and ends exactly once: captured (wholly or in part, the rest is free again), released or
-- expired.
--
-- The hold of a withdrawal or a refund ends with its payment, never by time: the money may still
-- leave. Every other hold has a key, and may have an expiry.

set local role cift_ledger_owner;

create table ledger.hold (
    hold_id    bigint generated always as identity primary key,
    payment_id uuid unique references ledger.payment,
    hold_key   text unique,
    account_id bigint not null references ledger.account,
    amount     numeric(38, 0) not null check (amount >= 0),
    captured   numeric(38, 0) check (captured between 0 and amount),  -- once it is captured
    state      text not null default 'held' check (
        state in ('held', 'captured', 'released', 'expired')),
    reason     text,
    created_at timestamptz not null,
    expires_at timestamptz,
    ended_at   timestamptz,
    -- when the books knew of it, by their own clock: what as-of reads go by
    booked_at     timestamptz not null default clock_timestamp(),
    end_booked_at timestamptz,
    constraint hold_has_one_name check (num_nonnulls(payment_id, hold_key) = 1),
    constraint hold_of_payment_never_expires check (payment_id is null or expires_at is null),
    constraint hold_ends_with_a_time check (
        (state = 'held') = (ended_at is null) and (state = 'held') = (end_booked_at is null)),
    constraint hold_captured_has_amount check ((state = 'captured') = (captured is not null))
);

create index hold_open on ledger.hold (account_id) where state = 'held';
create index hold_expiring on ledger.hold (expires_at)
    where state = 'held' and expires_at is not null;

-- Once ended, a hold stays as it ended.
create function ledger.refuse_second_end() returns trigger
language plpgsql
as $$
begin
    if old.state <> 'held' then
        raise exception 'hold % has ended as %', coalesce(old.payment_id::text, old.hold_key),
            old.state using errcode = 'restrict_violation';
    end if;
    if (new.amount, new.account_id, new.payment_id, new.hold_key, new.expires_at)
       is distinct from (old.amount, old.account_id, old.payment_id, old.hold_key, old.expires_at)
    then
        raise exception 'hold % can only end', coalesce(old.payment_id::text, old.hold_key)
            using errcode = 'restrict_violation';
    end if;
    if new.state <> 'held' then
        new.end_booked_at := coalesce(new.end_booked_at, clock_timestamp());
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

-- Lower what is available on an account, if it is there. Raises CF001 (insufficient_funds).
create function ledger.set_aside(p_account_id bigint, p_amount numeric) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    -- the guard is in the update itself, so it is judged on the row as it is once it is locked
    update balance
    set held = held + p_amount
    where account_id = p_account_id
      and (floor is null or normal * posted - held - p_amount >= floor);
    if not found then
        raise exception 'insufficient_funds' using errcode = 'CF001';
    end if;
end
$$;

-- Hold an amount under a key of the caller's; `p_expires_at` null: until somebody ends it.
-- Raises CF001 when it is not available. Answers the hold's id; the same order again finds it,
-- and another order under the same key raises unique_violation.
create function ledger.hold_funds(
    p_key text, p_account_id bigint, p_amount numeric, p_reason text, p_at timestamptz,
    p_expires_at timestamptz default null
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    known hold;
    new_id bigint;
begin
    if p_amount <= 0 or p_expires_at <= p_at then
        raise exception 'a hold takes an amount above zero and ends after it began'
            using errcode = 'invalid_parameter_value';
    end if;
    perform lock_balances(array[p_account_id]);
    select * into known from hold where hold_key = p_key;
    if not found then
        perform set_aside(p_account_id, p_amount);
        insert into hold (hold_key, account_id, amount, reason, created_at, expires_at)
        values (p_key, p_account_id, p_amount, p_reason, p_at, p_expires_at)
        returning hold_id into new_id;
        return new_id;
    end if;
    if (known.account_id, known.amount) is distinct from (p_account_id, p_amount) then
        raise exception 'hold % exists with another account or amount', p_key
            using errcode = 'unique_violation';
    end if;
    return known.hold_id;
end
$$;

-- End a hold: `p_captured` of it is about to be posted (null unless `p_state` is captured), the
-- rest is available again. The caller has locked the balance. Raises restrict_violation when the
-- hold has ended already, check_violation when more is captured than held.
create function ledger.end_hold(
    p_hold_id bigint, p_state text, p_captured numeric, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    ended hold;
begin
    update hold
    set state = p_state, captured = p_captured, ended_at = p_at
    where hold_id = p_hold_id
    returning * into strict ended;
    update balance set held = held - ended.amount where account_id = ended.account_id;
end
$$;

-- End up to `p_limit` holds whose time is over, and answer how many.
create function ledger.expire_holds(p_now timestamptz, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    due bigint[];
    over jsonb;
begin
    select array_agg(account_id) into due
    from (select account_id from hold
          where state = 'held' and expires_at <= p_now
          order by expires_at, hold_id limit p_limit) oldest;
    perform lock_balances(due);
    -- under the locks: what somebody else has ended in the meantime does not end again
    select jsonb_agg(hold_key order by hold_key) into over
    from (select hold_key from hold
          where state = 'held' and expires_at <= p_now and account_id = any (due)
          order by expires_at, hold_id limit p_limit) still_due;
    if over is null then
        return 0;
    end if;
    perform end_expired(jsonb_build_object('hold_keys', over, 'at', p_now));
    return jsonb_array_length(over);
end
$$;

reset role;
