-- revision: 2 c4fee27ec6b301e0
-- Open a discrepancy for a group of a run, and record who made the run.
create or replace function ledger.open_difference(p_group jsonb, p jsonb) returns ledger.discrepancy
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    opened discrepancy;
begin
    insert into discrepancy (
        method, livemode, currency, name, kind, difference, owner, payment_id, opened_at, changed_at)
    values (
        p->>'method', (p->>'livemode')::boolean, p->>'currency', p_group->'names'->>0,
        coalesce(p_group->>'kind', 'amount_mismatch'), (p_group->>'difference')::numeric,
        p->>'operator', (p_group->>'payment_id')::uuid, (p->>'at')::timestamptz,
        (p->>'at')::timestamptz)
    returning * into opened;
    perform note_discrepancy(opened.discrepancy_id, 'opened', p);
    return opened;
end
$$;
