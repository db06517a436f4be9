-- revision: 2 6b12e658ff14c19d
-- Read the ledger as of a time in the past.
--
-- The time in all of these functions is the booking time: entry.created_at, hold.booked_at. It
-- never decreases along an account, because it is read after the account's balance is locked. So
-- once all transactions of a moment have ended, the answer for that moment never changes. An event
-- that a provider reports late (its time is ledger_tx.effective_at) is booked at the time we
-- receive it.
--
-- The balance of an account at a time: `posted` as in ledger.balance, and the amount held.
create or replace function ledger.balance_as_of(p_account_id bigint, p_at timestamptz)
returns table (posted numeric, held numeric)
language sql stable
set search_path = ledger, pg_temp
set jit = off
as $$
    select
        coalesce((select e.balance_after from entry e
                  where e.account_id = p_account_id
                    and e.account_version = version_as_of(p_account_id, p_at)), 0),
        coalesce((select sum(h.amount) from hold h
                  where h.account_id = p_account_id
                    and h.booked_at <= p_at
                    and (h.end_booked_at is null or h.end_booked_at > p_at)), 0)
$$;

grant execute on function ledger.balance_as_of(bigint, timestamptz) to cift_gateway, cift_ledger;
