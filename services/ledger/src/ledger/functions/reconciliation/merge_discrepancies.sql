-- revision: 2 49bffea39870dfbe
-- Several discrepancies turn out to be the same: close the others as merged into `p_into`.
create or replace function ledger.merge_discrepancies(p_into bigint, p jsonb, p_names text[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other bigint;
begin
    -- amounts posted about the group count once: in the discrepancy that stays open
    update discrepancy set booked = 0
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, p_names))
      and discrepancy_id <> p_into;
    for other in
        select discrepancy_id from discrepancies_of(p, p_names)
        where state <> 'closed' and discrepancy_id <> p_into
    loop
        update discrepancy
        set in_suspense = 0, difference = 0, state = 'closed',
            changed_at = (p->>'at')::timestamptz, note = 'the same as #' || p_into
        where discrepancy_id = other;
        perform note_discrepancy(other, 'merged', p);
    end loop;
end
$$;
