-- revision: 6 d7bad2152221b134
-- Apply workers' results. This is the only writer of results: it takes a batch as the workers sent
-- it, and updates payments, holds, balances and entries with set-based statements. A batch has
-- exactly the same effect as its results applied one at a time in the same order; batch boundaries
-- change nothing.
--
--   read_results   JSON -> rows
--   lock_payments  lock the payments and the deposits they refund, in the order of their ids
--   rank_results   find the new results, and the order where one payment has several
--   in rounds, each with at most one result per payment:
--     decide_results   decide what each result means for its payment; reads only
--     update_payments  update the payments and the deposits they refund
--     announce     outbox, notification
--   post           lock the balances and draw a log position for each result; then write history,
--                  entries, transactions. This is the last step, because every other writer waits
--                  for those balances from here to the commit. It runs once per batch, so two
--                  writers cannot each hold a lock that the other needs (deadlock).
--
-- A result that contradicts a payment is an outcome of its row. An exception means that the ledger
-- contradicts itself (a constraint failed), and rolls the whole batch back; the caller halves the
-- batch until the row that causes it is alone.
--
-- Arrays of composites pass the rows from step to step: at the size of a batch they are faster than
-- temporary tables. The planner knows neither their length nor, after a minute of high load, the
-- size of the tables. So every table is read with `key = any (array(...))`, which the planner can
-- only run as an index scan, and apply_results leaves hash joins as the only join method.
--
-- `p_results` is a JSON array of messages.PaymentResult; `p_traceparents` (or null) has the trace
-- of each, in the same order.
--
-- Returns one row per result, with `place` counting from 1: applied, noted, duplicate, stale,
-- conflict or unknown_payment. A result that moves its payment to in_review is returned as a
-- conflict and stored as applied in the payment's history. Repeating the call with any of the same
-- results changes nothing.
create or replace function ledger.apply_results(p_results jsonb, p_traceparents text[] default null)
returns table (place integer, result_id text, outcome text)
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan  -- else a batch of one result would be planned at every call
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
    batch result_row[] := read_results(p_results, p_traceparents);
    orders result_order[];
    decisions decision[];
    all_decisions decision[] := '{}';
    rounds integer;
begin
    if exists (select from unnest(batch) where kind in (
            'reversed', 'reinstated', 'disputed', 'received', 'charged')) then
        raise exception 'what happens after an end, or without a payment, is applied alone'
            using errcode = 'invalid_parameter_value';
    end if;
    orders := rank_results(batch, lock_payments(batch));
    return query
        select b.place, b.result_id, b.outcome from unnest(batch, orders) b where b.round is null;
    select coalesce(max(t.round), 0) into rounds from unnest(orders) t;
    for this_round in 1 .. rounds loop
        decisions := decide_results(batch, orders, this_round);
        continue when decisions is null;
        perform update_payments(decisions);
        perform update_related(decisions);
        perform announce(decisions);
        all_decisions := all_decisions || decisions;
    end loop;
    if rounds > 1 then
        all_decisions := array(select v from unnest(all_decisions) v order by v.place);
    end if;
    perform post(all_decisions);
    return query select v.place, v.result_id, v.outcome from unnest(all_decisions) v;
end
$$;

grant execute on function ledger.apply_results(jsonb, text[]) to cift_ledger;
