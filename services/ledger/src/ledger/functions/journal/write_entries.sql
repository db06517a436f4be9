-- revision: 2 fc0e38eee46bfb43
-- Insert entries and update their balances, which the caller has locked. `p_booked_at` was read
-- from the clock under those locks, so it never decreases along an account.
create or replace function ledger.write_entries(
    p_lines ledger.posting_line[], p_booked_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    touched bigint;
begin
    insert into entry (
        tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
    select line.tx_id, line.seq, line.account_id, line.amount, b.currency,
        b.posted + sum(line.amount) over account_so_far,
        b.version + row_number() over account_so_far,
        p_booked_at
    from unnest(p_lines) line
    join balance b on b.account_id = line.account_id
    where b.account_id = any (array(select account_id from unnest(p_lines)))
    window account_so_far as (
        partition by line.account_id order by line.tx_id, line.seq rows unbounded preceding)
    order by line.tx_id, line.seq;
    -- a join in a set-based statement drops rows without an error; so compare the counts
    get diagnostics touched = row_count;
    if touched <> cardinality(p_lines) then
        raise exception '% entries to write, % written', cardinality(p_lines), touched
            using errcode = 'data_corrupted';
    end if;

    update balance b
    set posted = b.posted + total.amount, version = b.version + total.entries
    from (
        select account_id, sum(amount) as amount, count(*) as entries
        from unnest(p_lines) group by account_id
    ) total
    where b.account_id = total.account_id
      and b.account_id = any (array(select account_id from unnest(p_lines)));
end
$$;
