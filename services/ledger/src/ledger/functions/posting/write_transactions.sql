-- revision: 3 e7c1e9c2f29db30c
-- Write the transactions: first their entries, then the transaction rows.
create or replace function ledger.write_transactions(
    p_decisions ledger.decision[], p_lines ledger.posting_line[], p_positions bigint[],
    p_booked_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform write_entries(array(
        select row(p_positions[line.tx_id / 8] * 8 + line.tx_id % 8, line.seq, line.account_id,
                   line.amount)::posting_line
        from unnest(p_lines) line), p_booked_at);
    insert into ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
    select p_positions[v.place] * 8, v.posting, v.payment_id::text, v.payment_id, v.occurred_at,
        p_booked_at
    from unnest(p_decisions) v
    where v.posting is not null
    union all
    select p_positions[v.place] * 8 + 1, 'provider_fee', v.payment_id::text, v.payment_id,
        v.occurred_at, p_booked_at
    from unnest(p_decisions) v
    where v.posts_fee;
end
$$;
