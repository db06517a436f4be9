-- revision: 4 f036f8c9d4723d60
-- The body of an event: a payment as it is now. A row becomes JSON in half the time that
-- json_build_object takes.
--
-- No search path of its own and no table read: so the planner can inline it into the calling
-- statement. A function call for each row would double the cost of an event.
create or replace function ledger.event_body(
    p ledger.payment, unit numeric, p_type text, p_occurred_at timestamptz
) returns bytea
language sql stable
return convert_to(row_to_json(row(
    1, 'payment_event', p.payment_id || '.' || p.version, p_type, p.payment_id, p.merchant_id,
    p.version, p_occurred_at,
    row(p.payment_id, p.type, p.method, p.status, p.minor * unit, p.currency, p.customer_id,
        p.fee_minor * unit, p.net_minor * unit, ledger.shown_instrument(p.instrument),
        case when p.next_action is not null then ledger.shown_action(p.next_action) end,
        p.provider_reference, p.failure, p.estimated_arrival, p.description, p.return_url,
        p.metadata, p.refunded_minor * unit, p.reversed_minor * unit, p.disputed_minor * unit,
        p.parent_payment_id, p.livemode, p.version, p.created_at, p.updated_at, p.rail,
        p.requested_minor * unit
    )::ledger.payment_shown)::ledger.event_shown)::text, 'UTF8');
