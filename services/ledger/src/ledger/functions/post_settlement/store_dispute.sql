-- revision: 2 cd5e05434686039f
-- Store the new state of a dispute, and update the payment's total disputed amount.
create or replace function ledger.store_dispute(p_after ledger.dispute, p_at timestamptz) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into dispute select p_after.*
    on conflict (method, reference) do update
    set status = excluded.status, reason = excluded.reason, minor = excluded.minor,
        currency = excluded.currency, withdrawn_minor = excluded.withdrawn_minor,
        reinstated_minor = excluded.reinstated_minor,
        money_currency = excluded.money_currency, fee_minor = excluded.fee_minor,
        fee_reinstated_minor = excluded.fee_reinstated_minor, fee_currency = excluded.fee_currency,
        lost_minor = excluded.lost_minor, evidence_due_by = excluded.evidence_due_by,
        closed = excluded.closed, updated_at = excluded.updated_at;
    update payment p
    set version = version + 1, updated_at = greatest(updated_at, p_at),
        disputed_minor = (select sum(disputed(d, p.currency)) from dispute d
                          where d.payment_id = p.payment_id)
    where p.payment_id = p_after.payment_id;
end
$$;
