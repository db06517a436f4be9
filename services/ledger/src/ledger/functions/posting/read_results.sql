-- revision: 5 7ea17cd26d392e0c
-- The results of a batch as rows, in the order of the batch.
create or replace function ledger.read_results(p_results jsonb, p_traceparents text[])
returns ledger.result_row[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(
        sent.place, sent.detail, sent.traceparent, r.result_id, r.payment_id, r.attempt_id, r.seq,
        r.kind, coalesce(r.rail, r.method), r.occurred_at,
        (r.amount->>'minor')::numeric, r.amount->>'currency',
        (r.provider_fee->>'minor')::numeric, r.provider_fee->>'currency',
        r.provider_reference, r.failure, r.next_action,
        -- workers of releases before `public` send a card's details as `card`
        coalesce(r.public, r.card), r.next_check_at
        )::result_row order by sent.place)
    from rows from (jsonb_array_elements(p_results), unnest(p_traceparents))
        with ordinality as sent (detail, traceparent, place)
    cross join lateral jsonb_to_record(sent.detail) as r (
        result_id text, payment_id uuid, attempt_id uuid, seq integer, kind text, method text, rail text,
        occurred_at timestamptz, amount jsonb, provider_fee jsonb, provider_reference text,
        failure jsonb, next_action jsonb, public jsonb, card jsonb, next_check_at timestamptz)
);
end
$$;
