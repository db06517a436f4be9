-- Plain transfers with the ledger's own functions, for the comparison with pgledger: a unique
-- reference, one source, many destinations; all triggers and constraints of the journal are on.

create function ledger.bench_transfers(p_refs text[], p_from bigint, p_to bigint[]) returns void
language plpgsql
set search_path = ledger, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
as $$
declare
    positions bigint[] := '{}';
    booked_at timestamptz;
begin
    perform lock_balances(array(select distinct unnest(p_to)) || p_from);
    for place in 1 .. cardinality(p_refs) loop
        positions[place] := draw_position();
    end loop;
    booked_at := clock_timestamp();
    perform write_entries(array(
        select row(positions[t.place] * 8, leg.seq, leg.account_id, leg.amount)::posting_line
        from unnest(p_to) with ordinality as t (account_id, place)
        cross join lateral (values (1, p_from, 1), (2, t.account_id, -1)
        ) leg (seq, account_id, amount)), booked_at);
    insert into ledger_tx (tx_id, kind, ref, effective_at, created_at)
    select positions[t.place] * 8, 'correction', t.ref, booked_at, booked_at
    from unnest(p_refs) with ordinality as t (ref, place);
end
$$;
