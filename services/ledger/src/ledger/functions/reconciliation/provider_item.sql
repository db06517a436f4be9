-- revision: 3 d4ef71246e89adb7
-- The amount that each payment moved at its provider, according to the ledger and without postings
-- of reconciliations. Money that was given back later is a separate item.
create or replace view ledger.provider_item as
select split_part(a.code, ':', 2) as method, a.tenant, a.currency, item_id,
    min(tx.effective_at) as at,
    sum(e.amount) filter (where not is_fee) as gross,
    -sum(e.amount) filter (where is_fee) as fee,
    min(tx.payment_id::text)::uuid as payment_id,
    bool_and(family = '') as is_first
from ledger.entry e
join ledger.account a on a.account_id = e.account_id and a.kind = 'provider'
join ledger.ledger_tx tx on tx.tx_id = e.tx_id
cross join lateral (
    select tx.kind in ('provider_fee', 'dispute_fee') as is_fee,
        case when tx.kind in ('reversal', 'reinstatement')
             -- the reference follows the payment's id, if the reversal has its own
             then ':' || tx.kind || substr(tx.ref, 37)
             when tx.kind like 'dispute_%' then ':dispute:' || tx.ref
             else '' end as family
) sorted
cross join lateral (
    select coalesce(tx.payment_id || family, 'transaction ' || tx.tx_id) as item_id
) named
where tx.kind <> 'reconciliation'
group by split_part(a.code, ':', 2), a.tenant, a.currency, item_id;

grant select on ledger.provider_item to cift_operator, cift_ledger;
