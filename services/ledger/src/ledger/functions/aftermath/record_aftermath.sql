-- revision: 2 a43fb8547861efd0
-- Store the result in the payment's history. If it was applied, also publish an event through the
-- outbox and notify waiting requests. Returns the disposition.
create or replace function ledger.record_aftermath(
    p_told ledger.told, p_position bigint, p_disposition text, p_reason text, p_posting text
) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, disposition, result_id, detail, reason,
        posting, occurred_at)
    select p_position, payment_id, version, p_told.kind, status, p_disposition, p_told.result_id,
        p_told.detail, p_reason, p_posting, p_told.occurred_at
    from payment where payment_id = p_told.payment_id;
    if p_disposition = 'applied' then
        perform announce_payment(nextval('ledger.outbox_id_seq'), p_told.payment_id,
            'payment.' || p_told.kind, p_told.occurred_at, p_told.traceparent);
        perform pg_notify('cift_payment', p_told.payment_id::text);
    end if;
    return p_disposition;
end
$$;
