-- revision: 2 1f5e3759800a0687
-- Store the lines of a statement; raises CF020 if a line was stored before with other figures.
create or replace function ledger.keep_lines(p jsonb, p_run_id bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other text;
begin
    insert into provider_line (
        method, livemode, external_id, kind, at, gross, fee, currency, refers_to, hints, run_id)
    select p->>'method', (p->>'livemode')::boolean, l.external_id, l.kind, l.at, l.gross, l.fee,
        p->>'currency', l.refers_to, l.hints, p_run_id
    from jsonb_to_recordset(p->'lines') as l (
        external_id text, kind text, at timestamptz, gross numeric, fee numeric, refers_to text[],
        hints text[])
    on conflict (external_id, method, livemode) do nothing;
    select l.external_id into other
    from jsonb_to_recordset(p->'lines') as l (external_id text, gross numeric, fee numeric)
    join provider_line known
        on known.method = p->>'method' and known.livemode = (p->>'livemode')::boolean
       and known.external_id = l.external_id
    where (known.gross, known.fee, known.currency) is distinct from (l.gross, l.fee, p->>'currency')
    limit 1;
    if found then
        perform refuse(format('line %s had another amount in a former statement', other));
    end if;
end
$$;
