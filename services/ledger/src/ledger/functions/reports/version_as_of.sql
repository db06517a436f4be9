-- revision: 1 8559bfe2a36db07e
-- The number of an account's last entry that was booked by `p_at` and has a smaller entry_id than
-- `p_before`, where these are given; 0 when there is none. A search by halves over the index that every posting
-- needs anyway: twenty probes for a million entries, and no index more to keep.
create or replace function ledger.version_as_of(
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

grant execute on function ledger.version_as_of(bigint, timestamptz, bigint) to cift_gateway, cift_ledger;
