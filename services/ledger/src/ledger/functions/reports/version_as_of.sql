-- revision: 2 c6c09c5f28685190
-- The version (number) of an account's last entry that was booked by `p_at` and has a smaller
-- entry_id than `p_before`; null means no limit. Returns 0 if there is none. A binary search over
-- the index that every posting needs anyway: twenty lookups for a million entries, and no
-- additional index to maintain.
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
    middle := high;  -- most calls ask for the newest version, so the search starts there
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
