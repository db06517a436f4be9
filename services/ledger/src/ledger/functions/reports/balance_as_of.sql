-- revision: 1 3461b5142a3b359b
-- Looking at the books as they were.
--
-- Time, in all of these, is when something was booked: entry.created_at, hold.booked_at. It never
-- runs backwards along an account, because it is read after the account's balance was locked. So
-- what the books said of a moment they say for ever, once the transactions of that moment are over;
-- what a provider tells us late (ledger_tx.effective_at) is booked when we learn it.
--
-- What an account's balance was: `posted` as ledger.balance has it, and what was held.
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
