-- revision: 1 388ab63dce9d7cd3
-- What happens to a completed payment afterwards: the money came back (`reversed`), or the payer
-- had the bank take a deposit back (`disputed`). The payment stays completed; what went back is
-- counted beside it.
--
-- Such news are rare and touch what no batch should wait for, so they come one by one, through
-- ledger.apply_aftermath.
--
-- Apply one result of what happened after a payment's end: `p_result` is a messages.PaymentResult
-- of kind `reversed` or `disputed`. Answers what became of it, in the words of apply_results.
create or replace function ledger.apply_aftermath(p_result jsonb, p_traceparent text default null) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan  -- plans are shared with apply_results
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
    told told[] := read_results(jsonb_build_array(p_result), array[p_traceparent]);
    target payment;
begin
    if told[1].kind not in ('reversed', 'disputed') then
        raise exception 'apply_aftermath takes reversed and disputed, not %', told[1].kind
            using errcode = 'invalid_parameter_value';
    end if;
    perform lock_payments(told);
    select * into target from payment
    where payment_id = told[1].payment_id and method = told[1].method;
    if not found then
        return 'unknown_payment';
    end if;
    if exists (select from payment_event where result_id = told[1].result_id) then
        return 'duplicate';
    end if;
    if target.status <> 'completed' then
        return refuse_aftermath(told[1], target);
    end if;
    return case told[1].kind when 'reversed' then reverse_payment(told[1], target)
        else dispute_payment(told[1], target) end;
end
$$;

grant execute on function ledger.apply_aftermath(jsonb, text) to cift_ledger;
