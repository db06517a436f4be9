-- revision: 2 a3d551fdc5e63db2
-- The discrepancies of a group under any of its names.
create or replace function ledger.discrepancies_of(p jsonb, p_names text[]) returns setof ledger.discrepancy
language sql stable
set search_path = ledger, pg_temp
as $$
    select * from discrepancy
    where method = p->>'method' and livemode = (p->>'livemode')::boolean
      and currency = p->>'currency' and name = any (p_names) and kind <> 'unclaimed'
$$;
