-- revision: 2 2ee8b88083f5050f
-- Add an event to the history of a discrepancy.
create or replace function ledger.note_discrepancy(
    p_id bigint, p_action text, p jsonb, p_position bigint default null
) returns void
language sql volatile
set search_path = ledger, pg_temp
as $$
    insert into discrepancy_event (discrepancy_id, action, operator, note, position, at)
    values (p_id, p_action, p->>'operator', p->>'reason', p_position, (p->>'at')::timestamptz)
$$;
