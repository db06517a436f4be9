-- revision: 2 440ee42935fb13b2
-- Apply the result of a run for one group: names (the first is the current name), kind (null: both
-- sides agree), difference. Posts what has to be posted, and opens, changes or closes the group's
-- discrepancy.
create or replace function ledger.record_group(p_group jsonb, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    wanted numeric := (p_group->>'difference')::numeric;
    names text[] := array(select jsonb_array_elements_text(p_group->'names'));
    target discrepancy;
    done posted_about;
    change numeric;
    place bigint;
begin
    perform 1 from discrepancy
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, names))
    order by discrepancy_id for no key update;
    update discrepancy set name = names[1]
    where discrepancy_id in (select discrepancy_id from discrepancies_of(p, names))
      and name <> names[1];
    done := posted_about(p, names);
    -- a posting that the statement lacks stays as it is until an operator decides
    change := case when p_group->>'kind' = 'missing_there' then 0 else wanted - done.booked end;
    select * into target from discrepancies_of(p, names)
    order by state = 'closed', discrepancy_id limit 1;
    if change = 0 and wanted = done.booked
       and (target.state = 'closed' or (target.state is null and done.in_suspense = 0)) then
        return;  -- both sides agree, or an operator has closed it
    end if;
    if target.state is null or target.state = 'closed' then
        target := open_difference(p_group, p);
    end if;
    if change <> 0 then
        place := book_reconciliation(jsonb_build_object(
            'method', p->'method', 'livemode', p->'livemode', 'currency', p->'currency',
            'amount', change::text, 'against', 'suspense', 'name', names[1],
            'ref', next_reference(p, names[1]),
            'operator', p->'operator', 'reason', p->'reason', 'at', p->'at'));
        perform note_discrepancy(target.discrepancy_id, 'booked', p, place);
    end if;
    perform merge_discrepancies(target.discrepancy_id, p, names);
    update discrepancy
    set kind = coalesce(p_group->>'kind', kind), difference = wanted,
        booked = done.booked + change, in_suspense = done.in_suspense - change,
        position = coalesce(place, position),
        changed_at = case when change <> 0 or difference <> wanted
                          then (p->>'at')::timestamptz else changed_at end
    where discrepancy_id = target.discrepancy_id;
    perform close_agreed(target.discrepancy_id, p);
end
$$;
