-- revision: 2 c4819e2481c9b9f4
-- Handle a reversal or a dispute of a payment that is not completed. Nothing can be posted, because
-- the journal has no settlement of this payment. A payment that has not ended moves to in_review:
-- an operator must decide before it continues. Otherwise the result is stored as a conflict.
create or replace function ledger.refuse_aftermath(p_told ledger.told, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    why text := p_told.kind || '_before_settled';
begin
    if p_payment.status not in ('pending', 'processing', 'requires_action') then
        return record_aftermath(p_told, draw_position(), 'conflict', why, null);
    end if;
    update payment
    set status = 'in_review', version = version + 1, next_action = null, next_check_at = null,
        updated_at = greatest(updated_at, p_told.occurred_at)
    where payment_id = p_payment.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, reason, occurred_at)
    values (
        draw_position(), p_payment.payment_id, p_payment.version + 1, p_told.kind, p_payment.status,
        'in_review', 'applied', p_told.result_id, p_told.detail, why, p_told.occurred_at);
    perform announce_payment(nextval('ledger.outbox_id_seq'), p_payment.payment_id,
        'payment.in_review', p_told.occurred_at, p_told.traceparent);
    perform pg_notify('cift_payment', p_payment.payment_id::text);
    return 'conflict';
end
$$;
