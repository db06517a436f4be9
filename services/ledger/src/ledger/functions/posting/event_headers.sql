-- revision: 2 b9046c4d7b2aa260
-- The headers of an event: CloudEvents attributes, in binary mode.
--
-- No search path of its own and no table read: so the planner can inline it into the calling
-- statement. A function call for each row would double the cost of an event.
create or replace function ledger.event_headers(
    p_payment_id uuid, p_version integer, p_occurred_at timestamptz, p_traceparent text
) returns jsonb
language sql stable
return jsonb_build_object(
    'ce_specversion', '1.0',
    'ce_id', p_payment_id || '.' || p_version,
    'ce_type', 'cift.payment_event.v1',
    'ce_source', '/ledger',
    'ce_time', to_jsonb(p_occurred_at),
    'ce_subject', p_payment_id,
    'content-type', 'application/json')
    || case when p_traceparent is null then '{}'
       else jsonb_build_object('traceparent', p_traceparent) end;
