-- revision: 2 9a3bc5bf1a02a180
-- Why a posting of this kind cannot be corrected, and what to do instead; null if it can.
create or replace function ledger.correction_advice(p_tx ledger.ledger_tx) returns text
language sql immutable
return case
    when p_tx.kind in ('conversion', 'hold_capture') then null
    when p_tx.kind = 'resolution' and p_tx.payment_id is null then null
    when p_tx.kind in ('settlement', 'resolution')
        then 'it settled a payment: give a deposit back with a refund; '
             'money that returned by itself is the provider''s news'
    when p_tx.kind = 'suspense' then 'its payment is resolved by `cift ledger resolve`'
    when p_tx.kind in ('provider_fee', 'reconciliation')
        then 'the next `cift reconcile` posts, or takes back, what differs from the statement'
    when p_tx.kind = 'correction' then 'do again what it undid'
    else 'the provider''s next news of it post what follows'
end;
