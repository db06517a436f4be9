-- revision: 1 b2abe1dc6b182049
-- Two discrepancies turn out to be one: the others end in it.
create or replace function ledger.merge_discrepancies(p_into bigint, p jsonb, p_names text[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other bigint;
begin
    -- what was booked about the group counts once, with the one that is open
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
