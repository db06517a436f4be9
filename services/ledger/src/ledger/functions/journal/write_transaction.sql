-- revision: 1 5cb3b61cbbe0c614
-- Write one transaction and answer its tx_id. `p_k` counts the transactions of the input at
-- `p_position` from 0. The caller has locked the balances. Legs of zero are dropped. Raises
-- check_violation when the legs don't balance, unique_violation when (kind, ref) was posted before.
create or replace function ledger.write_transaction(
    p_position bigint, p_k integer, p_kind text, p_ref text, p_payment_id uuid,
    p_effective_at timestamptz, p_legs ledger.leg[]
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    new_tx_id bigint := p_position * 8 + p_k;
    booked_at timestamptz := clock_timestamp();
begin
    if p_k not between 0 and 7 then
        raise exception 'an input has eight transactions at most'
            using errcode = 'invalid_parameter_value';
    end if;
    perform write_entries(array(
        select row(new_tx_id, n, account_id, amount)::posting_line
        from unnest(p_legs) with ordinality as leg (account_id, amount, n)
        where amount <> 0
        order by n), booked_at);
    insert into ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
    values (new_tx_id, p_kind, p_ref, p_payment_id, p_effective_at, booked_at);
    return new_tx_id;
end
$$;
