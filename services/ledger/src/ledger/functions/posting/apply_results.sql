-- revision: 1 539d87599ae7c2cc
-- The one writer of results: ledger.apply_results takes a batch as the workers sent it and moves
-- payments, holds, balances and entries set-wise. A batch is exactly the same as its results one by
-- one, in their order; where it is cut changes nothing.
--
--   read_results   JSON -> rows
--   lock_payments  parents of refunds included, in the order of their ids
--   rank_results   which are new, and which come first where one payment has several
--   in rounds, each with at most one result a payment:
--     judge        what each result means for its payment: pure reading, no writing
--     move         payments, and the deposits they refund
--     announce     outbox, notification
--   post           balances are locked, each result draws its position in the log; then history,
--                  entries, transactions. This comes at the very end because every other writer
--                  waits for those balances from here to the commit, and only once, so that two
--                  writers can't each hold what the other one needs.
--
-- What is surprising in business terms is an outcome of its row. An exception means that our own
-- books contradict themselves (a constraint spoke), and takes the whole batch back; the caller
-- halves the batch until the row that causes it stands alone.
--
-- Arrays of composites carry the rows from step to step: in the size of a batch they are faster
-- than temporary tables. The planner knows neither their length nor, after a busy minute, that of
-- the tables; so every table is read by `key = any (array(...))`, which can only be an index
-- scan, and apply_results leaves hash joins as the only way to put both together.
--
-- Apply a batch of results: `p_results` is a JSON array of messages.PaymentResult,
-- `p_traceparents` (or null) the trace each came with, in the same order.
--
-- Answers one row a result, `place` counting from 1: applied, noted, duplicate, stale, conflict or
-- unknown_payment. A result that sends its payment to people is a conflict to the caller, and
-- applied in the payment's history. Calling it again with any of the same results changes nothing.
create or replace function ledger.apply_results(p_results jsonb, p_traceparents text[] default null)
returns table (place integer, result_id text, outcome text)
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan  -- else a batch of one would be planned at every call
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
    batch told[] := read_results(p_results, p_traceparents);
    turns turn[];
    verdicts verdict[];
    all_verdicts verdict[] := '{}';
    rounds integer;
begin
    if exists (select from unnest(batch) where kind in ('reversed', 'disputed')) then
        raise exception 'what happens after an end goes to apply_aftermath'
            using errcode = 'invalid_parameter_value';
    end if;
    turns := rank_results(batch, lock_payments(batch));
    return query
        select b.place, b.result_id, b.outcome from unnest(batch, turns) b where b.round is null;
    select coalesce(max(t.round), 0) into rounds from unnest(turns) t;
    for this_round in 1 .. rounds loop
        verdicts := judge(batch, turns, this_round);
        continue when verdicts is null;
        perform move(verdicts);
        perform move_relations(verdicts);
        perform announce(verdicts);
        all_verdicts := all_verdicts || verdicts;
    end loop;
    if rounds > 1 then
        all_verdicts := array(select v from unnest(all_verdicts) v order by v.place);
    end if;
    perform post(all_verdicts);
    return query select v.place, v.result_id, v.outcome from unnest(all_verdicts) v;
end
$$;

grant execute on function ledger.apply_results(jsonb, text[]) to cift_ledger;
