-- revision: 2 799baf1216e27687
-- Write the history and the journal, and update the balances.
create or replace function ledger.post(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    lines posting_line[];
    positions bigint[];
    booked_at timestamptz;
begin
    if exists (select from unnest(p_verdicts) v where v.posting = 'suspense' or v.posts_fee) then
        perform open_rare_accounts(p_verdicts);
    end if;
    lines := lines_of(p_verdicts);

    perform lock_balances(
        array(select distinct line.account_id from unnest(lines) line)
        || array(select v.customer_account_id from unnest(p_verdicts) v
                 where v.type <> 'deposit' and v.to_status is not null));
    positions := draw_positions(p_verdicts);
    booked_at := clock_timestamp();

    perform write_history(p_verdicts, positions);
    perform end_holds(p_verdicts, booked_at);
    if cardinality(lines) > 0 then
        perform write_transactions(p_verdicts, lines, positions, booked_at);
    end if;
end
$$;
