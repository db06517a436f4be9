-- revision: 2 cf611cad49b6c7d1
-- Insert a payment that no command asked for, with its first event. The event does not
-- contain the owner and the instrument: they are in the payment and in the input.
create or replace function ledger.store_received(
    p_payment ledger.payment, p_position bigint, p jsonb, p_doubt text
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    p_payment.command := '{"headers": {}, "body": {}}';  -- there is no command for a worker
    p_payment.metadata := '{}';
    p_payment.amount_policy := 'exact';
    p_payment.refunded_minor := 0;
    p_payment.refund_pending_minor := 0;
    p_payment.reversed_minor := 0;
    p_payment.disputed_minor := 0;
    p_payment.suspense_posted := p_doubt is not null;
    p_payment.version := 1;
    p_payment.attempt_seq := 0;
    p_payment.sweep_count := 0;
    p_payment.updated_at := p_payment.created_at;
    p_payment.heard_at := p_payment.created_at;
    insert into payment select p_payment.*;
    if p_doubt is not null then
        insert into unfinished values (p_payment.payment_id);
    end if;
    insert into payment_event (
        event_seq, payment_id, version, kind, to_status, disposition, detail, reason, posting,
        occurred_at)
    values (
        p_position, p_payment.payment_id, 1, 'received', p_payment.status, 'applied',
        p - 'received', p_doubt,
        case when p_doubt is null then 'settlement' else 'suspense' end, p_payment.created_at);
end
$$;
