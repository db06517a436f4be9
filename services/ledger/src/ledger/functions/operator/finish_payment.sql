-- revision: 3 eaa96cafdd12b748
-- Move a payment to the status that the operator chose, write its history, publish the event and
-- notify waiting requests.
create or replace function ledger.finish_payment(
    p_position bigint, p_done ledger.payment, p_posting text, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    before text;
begin
    select status into strict before from payment where payment_id = p_done.payment_id;
    if p_done.status = 'completed' then
        update payment
        set status = p_done.status, minor = p_done.minor,
            requested_minor = case when minor <> p_done.minor then minor end, fee_minor = p_done.fee_minor,
            net_minor = p_done.net_minor
        where payment_id = p_done.payment_id;
    end if;
    update payment
    set status = p_done.status, provider_reference = p_done.provider_reference,
        failure = p_done.failure, next_action = null, next_check_at = null,
        version = version + 1, updated_at = greatest(updated_at, p_at)
    where payment_id = p_done.payment_id;
    delete from unfinished where payment_id = p_done.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, detail, reason,
        posting, occurred_at)
    values (
        p_position, p_done.payment_id, p_done.version + 1, 'resolved', before, p_done.status,
        'applied', jsonb_build_object(
            'amount', jsonb_build_object(
                'minor', p_done.minor::text, 'currency', p_done.currency)),
        'resolved_by_operator', p_posting, p_at);
    perform announce_payment(nextval('ledger.outbox_id_seq'), p_done.payment_id,
        'payment.' || p_done.status, p_at, null);
    perform pg_notify('cift_payment', p_done.payment_id::text);
end
$$;
