-- revision: 2 0871084fc42be9b0
-- Insert one transaction and return its tx_id. `p_k` is the number of the transaction within the
-- input at `p_position`, starting with 0. The caller has locked the balances. Legs with amount zero
-- are dropped. Raises check_violation if the legs do not balance, unique_violation if (kind, ref)
-- was posted before.
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
