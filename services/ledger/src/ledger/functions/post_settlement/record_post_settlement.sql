-- revision: 3 951e16bb4b55f35a
-- Store the result in the payment's history. If it was applied, also publish an event through the
-- outbox and notify waiting requests. Returns the disposition.
create or replace function ledger.record_post_settlement(
    p_result ledger.result_row, p_position bigint, p_disposition text, p_reason text, p_posting text
) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, disposition, result_id, detail, reason,
        posting, occurred_at)
    select p_position, payment_id, version, p_result.kind, status, p_disposition, p_result.result_id,
        p_result.detail, p_reason, p_posting, p_result.occurred_at
    from payment where payment_id = p_result.payment_id;
    if p_disposition = 'applied' then
        perform announce_payment(nextval('ledger.outbox_id_seq'), p_result.payment_id,
            'payment.' || p_result.kind, p_result.occurred_at, p_result.traceparent);
        perform pg_notify('cift_payment', p_result.payment_id::text);
    end if;
    return p_disposition;
end
$$;
