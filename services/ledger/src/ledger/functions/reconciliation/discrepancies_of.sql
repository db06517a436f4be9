-- revision: 1 6d9393ff38c8e489
-- The discrepancies that a group has had under any of its names.
create or replace function ledger.discrepancies_of(p jsonb, p_names text[]) returns setof ledger.discrepancy
language sql stable
set search_path = ledger, pg_temp
as $$
    select * from discrepancy
    where method = p->>'method' and livemode = (p->>'livemode')::boolean
      and currency = p->>'currency' and name = any (p_names) and kind <> 'unclaimed'
$$;
