-- revision: 3 c8d9e59057957385
-- Write the history event of every result.
create or replace function ledger.write_history(p_decisions ledger.decision[], p_positions bigint[])
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, reason, posting, occurred_at)
    select p_positions[v.place], v.payment_id, v.version, v.kind, v.from_status, v.to_status,
        case when v.to_status is null then v.outcome else 'applied' end, v.result_id,
        v.detail, v.reason, v.posting, v.occurred_at
    from unnest(p_decisions) v;
end
$$;
