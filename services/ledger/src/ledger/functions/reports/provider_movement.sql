-- revision: 1 22aa194c080a11de
-- What each payment, charge or other cause has moved on the accounts of providers: the sum of all its
-- postings. `name` is the payment's id, or the reference of postings that belong to no payment.
create or replace view ledger.provider_movement as
select split_part(a.code, ':', 2) as rail, a.tenant, a.currency,
    coalesce(tx.payment_id::text, tx.ref) as name, sum(e.amount) as minor
from ledger.account a
join ledger.entry e on e.account_id = a.account_id
join ledger.ledger_tx tx on tx.tx_id = e.tx_id
where a.kind = 'provider'
group by split_part(a.code, ':', 2), a.tenant, a.currency, coalesce(tx.payment_id::text, tx.ref);

grant select on ledger.provider_movement to cift_operator;
