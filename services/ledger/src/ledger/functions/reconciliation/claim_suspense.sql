-- revision: 2 6973fe81dbe3e67c
-- Close the discrepancy of a payment that was resolved as failed and is now completed: its money in
-- suspense is assigned.
create or replace function ledger.claim_suspense(p_payment_id uuid, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    claimed bigint;
begin
    update discrepancy
    set state = 'closed', in_suspense = 0, note = p->>'reason', changed_at = (p->>'at')::timestamptz
    where payment_id = p_payment_id and kind = 'unclaimed' and state <> 'closed'
    returning discrepancy_id into claimed;
    if found then
        perform note_discrepancy(claimed, 'closed', p);
    end if;
end
$$;
