-- revision: 3 c878966781c7890d
-- Handle a reversal or a dispute of a payment that is not completed. Nothing can be posted, because
-- the journal has no settlement of this payment. A payment that has not ended moves to in_review:
-- an operator must decide before it continues. Otherwise the result is stored as a conflict.
create or replace function ledger.refuse_post_settlement(p_result ledger.result_row, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    why text := p_result.kind || '_before_settled';
begin
    if p_payment.status not in ('pending', 'processing', 'requires_action') then
        return record_post_settlement(p_result, draw_position(), 'conflict', why, null);
    end if;
    update payment
    set status = 'in_review', version = version + 1, next_action = null, next_check_at = null,
        updated_at = greatest(updated_at, p_result.occurred_at)
    where payment_id = p_payment.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, reason, occurred_at)
    values (
        draw_position(), p_payment.payment_id, p_payment.version + 1, p_result.kind, p_payment.status,
        'in_review', 'applied', p_result.result_id, p_result.detail, why, p_result.occurred_at);
    perform announce_payment(nextval('ledger.outbox_id_seq'), p_payment.payment_id,
        'payment.in_review', p_result.occurred_at, p_result.traceparent);
    perform pg_notify('cift_payment', p_payment.payment_id::text);
    return 'conflict';
end
$$;
