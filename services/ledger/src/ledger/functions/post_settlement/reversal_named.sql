-- revision: 1 0685d0db505c29b5
-- The posting of a payment's reversal that has this reference; null without one. A reversal that
-- named no reference of its own is known by the provider's reference.
create or replace function ledger.reversal_named(p_payment ledger.payment, p_reference text)
returns ledger.ledger_tx
language sql stable
set search_path = ledger, pg_temp
as $$
    select tx
    from ledger_tx tx
    where tx.payment_id = p_payment.payment_id and tx.kind = 'reversal'
      and (tx.ref = p_payment.payment_id || ':' || p_reference
           or tx.ref = p_payment.payment_id::text and exists (
               select from payment_event e
               where e.event_seq = tx.tx_id / 8
                 and e.detail->>'provider_reference' = p_reference))
$$;
