-- revision: 6 8ee44763764d6943
-- Apply one result about a payment that is already completed: it was reversed (`reversed`),
-- a reversal was taken back (`reinstated`), or the payer disputed the deposit at the bank (`disputed`).
-- The payment stays completed; reversed and disputed amounts are counted in separate columns.
--
-- Such results are rare, and they lock rows that a whole batch should not have to wait for. So they
-- are applied one at a time by this function and not by apply_results.
--
-- `p_result` is a messages.PaymentResult of one of these kinds. Returns the outcome,
-- with the same names as apply_results.
create or replace function ledger.apply_post_settlement(p_result jsonb, p_traceparent text default null) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan  -- plans are shared with apply_results
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
    results result_row[] := read_results(jsonb_build_array(p_result), array[p_traceparent]);
    target payment;
begin
    if results[1].kind not in ('reversed', 'reinstated', 'disputed') then
        raise exception 'apply_post_settlement takes what follows a completed payment, not %', results[1].kind
            using errcode = 'invalid_parameter_value';
    end if;
    perform lock_payments(results);
    select * into target from payment
    where payment_id = results[1].payment_id and rail = results[1].rail;
    if not found then
        return 'unknown_payment';
    end if;
    if exists (select from payment_event where result_id = results[1].result_id) then
        return 'duplicate';
    end if;
    if target.status <> 'completed' then
        return refuse_post_settlement(results[1], target);
    end if;
    return case results[1].kind when 'reversed' then reverse_payment(results[1], target)
        when 'reinstated' then reinstate_payment(results[1], target)
        else dispute_payment(results[1], target) end;
end
$$;

grant execute on function ledger.apply_post_settlement(jsonb, text) to cift_ledger;
