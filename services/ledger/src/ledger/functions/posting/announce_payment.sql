-- revision: 2 a16e3855b1b5de71
-- Publish one event for one payment through the outbox. `p_type` is `payment.<what>`.
create or replace function ledger.announce_payment(
    p_outbox_id bigint, p_payment_id uuid, p_type text, p_occurred_at timestamptz,
    p_traceparent text
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into outbox (id, topic, key, headers, body)
    overriding system value
    select p_outbox_id, 'payments.events', p.payment_id::text,
        event_headers(p.payment_id, p.version, p_occurred_at, p_traceparent),
        event_body(p, c.unit, p_type, p_occurred_at)
    from payment p
    join currency c on c.code = p.currency
    where p.payment_id = p_payment_id;
end
$$;
