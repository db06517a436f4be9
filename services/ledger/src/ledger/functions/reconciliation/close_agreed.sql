-- revision: 2 8527551b6df62860
-- Close a discrepancy that has no amount left, because ledger and statement agree now.
create or replace function ledger.close_agreed(p_id bigint, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    update discrepancy
    set state = 'closed', note = 'both sides agree now', changed_at = (p->>'at')::timestamptz
    where discrepancy_id = p_id and difference = 0 and in_suspense = 0;
    if found then
        perform note_discrepancy(p_id, 'agreed', p);
    end if;
end
$$;
