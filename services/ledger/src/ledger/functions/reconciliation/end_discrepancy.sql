-- revision: 2 413744b6eed5a667
-- Mark a discrepancy as closed, with the postings made for it.
create or replace function ledger.end_discrepancy(
    p_target ledger.discrepancy, p_booked numeric, p_position bigint, p jsonb
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    update discrepancy
    set state = 'closed', booked = booked + p_booked, in_suspense = 0, note = p->>'reason',
        position = coalesce(p_position, position), changed_at = (p->>'at')::timestamptz
    where discrepancy_id = p_target.discrepancy_id;
    perform note_discrepancy(p_target.discrepancy_id, 'closed', p, p_position);
end
$$;
