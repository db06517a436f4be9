-- revision: 3 83b169cfca665625
-- Open a discrepancy for money in suspense whose payment was resolved as failed; the operator who
-- resolved it is its owner.
create or replace function ledger.own_suspense(
    p_payment ledger.payment, p_suspended ledger.suspended, p jsonb
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    new_id bigint;
begin
    if exists (select from discrepancy
               where payment_id = p_payment.payment_id and kind = 'unclaimed') then
        return;  -- resolved before; the discrepancy and its owner exist
    end if;
    insert into discrepancy (
        method, livemode, currency, name, kind, difference, in_suspense, owner, note, payment_id,
        opened_at, changed_at)
    values (
        p_payment.rail, p_payment.livemode, p_suspended.currency, p_payment.payment_id::text,
        'unclaimed', 0, p_suspended.amount, p->>'operator', p->>'reason', p_payment.payment_id,
        (p->>'at')::timestamptz, (p->>'at')::timestamptz)
    returning discrepancy_id into new_id;
    perform note_discrepancy(new_id, 'opened', p);
end
$$;
