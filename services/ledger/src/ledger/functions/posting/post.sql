-- revision: 4 ac73861e9fc0df35
-- Write the history and the journal, and update the balances.
create or replace function ledger.post(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    lines posting_line[];
    positions bigint[];
    booked_at timestamptz;
begin
    if exists (select from unnest(p_decisions) v where v.posting = 'suspense' or v.posts_fee
               or exchanged_of(v.detail) is not null) then
        perform open_rare_accounts(p_decisions);
    end if;
    lines := lines_of(p_decisions);

    perform lock_balances(
        array(select distinct line.account_id from unnest(lines) line)
        || array(select v.customer_account_id from unnest(p_decisions) v
                 where v.type <> 'deposit' and v.to_status is not null));
    positions := draw_positions(p_decisions);
    booked_at := clock_timestamp();

    perform write_history(p_decisions, positions);
    perform end_holds(p_decisions, booked_at);
    if cardinality(lines) > 0 then
        perform write_transactions(p_decisions, lines, positions, booked_at);
    end if;
end
$$;
