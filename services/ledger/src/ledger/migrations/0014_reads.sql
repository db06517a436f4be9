-- Looking at the books as they were.
--
-- Time, in all of these, is when something was booked: entry.created_at, hold.booked_at. It never
-- runs backwards along an account, because it is read after the account's balance was locked. So
-- what the books said of a moment they say for ever, once the transactions of that moment are over;
-- what a provider tells us late (ledger_tx.effective_at) is booked when we learn it.

set local role cift_ledger_owner;

-- The number of an account's last entry that was booked by `p_at` and has a smaller entry_id than
-- `p_before`, where these are given; 0 when there is none. A search by halves over the index that every posting
-- needs anyway: twenty probes for a million entries, and no index more to keep.
create function ledger.version_as_of(
    p_account_id bigint, p_at timestamptz, p_before bigint default null
) returns bigint
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    low bigint := 0;
    high bigint;
    middle bigint;
begin
    select version into high from balance where account_id = p_account_id;
    middle := high;  -- most look at what is newest
    while low < high loop
        if exists (select from entry e
                   where e.account_id = p_account_id and e.account_version = middle
                     and (p_at is null or e.created_at <= p_at)
                     and (p_before is null or e.entry_id < p_before)) then
            low := middle;
        else
            high := middle - 1;
        end if;
        middle := (low + high + 1) / 2;
    end loop;
    return low;
end
$$;

-- What an account's balance was: `posted` as ledger.balance has it, and what was held.
create function ledger.balance_as_of(p_account_id bigint, p_at timestamptz)
returns table (posted numeric, held numeric)
language sql stable
set search_path = ledger, pg_temp
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

create index hold_by_account on ledger.hold (account_id, booked_at);

-- For reports over a while. Rows lie in the order in which they were booked, nearly: a summary of
-- each range of pages is enough, and costs a posting next to nothing.
create index ledger_tx_by_time on ledger.ledger_tx using brin (created_at) with (autosummarize = on);
create index entry_by_time on ledger.entry using brin (created_at) with (autosummarize = on);

grant execute on function
    ledger.version_as_of(bigint, timestamptz, bigint),
    ledger.balance_as_of(bigint, timestamptz)
to cift_gateway, cift_ledger;

reset role;
