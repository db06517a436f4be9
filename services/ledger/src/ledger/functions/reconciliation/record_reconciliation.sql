-- revision: 3 283d9d75db843536
-- Reconciliation: compare the providers' statements with the ledger.
--
-- The rules are in ledger.reconciliation.matching (pure); the functions of this folder store the
-- results and post. A difference is never edited away: the provider's account is adjusted to the statement,
-- against suspense, and the discrepancy keeps an owner and an age until it is explained or closed.
--
-- Store a run and its findings. `p`: method, livemode, currency, since, until, tolerance (seconds),
-- opening, closing, digest, counts, operator, reason, at; lines (external_id, kind, at, gross, fee,
-- refers_to, hints); members (side, member, name); groups (see record_group: those that differ, and
-- those that agree again). Returns the run's id. Raises CF020 if a line was stored before with
-- other figures.
create or replace function ledger.record_reconciliation(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    new_id bigint;
begin
    perform check_signed(p);
    insert into recon_run (
        method, livemode, currency, since, until, tolerance, opening, closing, digest, counts,
        operator, at)
    values (
        p->>'method', (p->>'livemode')::boolean, p->>'currency', (p->>'since')::timestamptz,
        (p->>'until')::timestamptz, make_interval(secs => (p->>'tolerance')::integer),
        (p->>'opening')::numeric, (p->>'closing')::numeric, p->>'digest', p->'counts',
        p->>'operator', (p->>'at')::timestamptz)
    returning run_id into new_id;
    perform keep_lines(p, new_id);
    insert into recon_match (method, livemode, currency, side, member, name, run_id)
    select p->>'method', (p->>'livemode')::boolean, p->>'currency', m.side, m.member, m.name, new_id
    from jsonb_to_recordset(p->'members') as m (side text, member text, name text)
    on conflict (member, side, method, livemode, currency)
    do update set name = excluded.name, run_id = excluded.run_id
    where recon_match.name <> excluded.name;
    perform record_group(found_group, p) from jsonb_array_elements(p->'groups') as found_group;
    return new_id;
end
$$;

grant execute on function ledger.record_reconciliation(jsonb) to cift_operator;
