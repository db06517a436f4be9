-- What must always be true of corrections, suspense and reconciled statements.

-- invariant: corrections_negate
-- A correction is the exact negation of the transaction it corrects.
select 'transaction ' || tx.tx_id as subject
from {ledger_tx} tx
left join lateral (
    select account_id, sum(amount) as total
    from ledger.entry where tx_id in (tx.tx_id, tx.ref::bigint)
    group by account_id having sum(amount) <> 0
    limit 1
) left_over on true
where tx.kind = 'correction'
  and (left_over.account_id is not null
       or not exists (select from ledger.ledger_tx wrong where wrong.tx_id = tx.ref::bigint));

-- invariant: suspense_is_owned
-- Every amount in suspense belongs to a payment in review or to a discrepancy with an owner.
select a.tenant || ' ' || a.code || ' ' || b.posted - coalesce(owned.total, 0) as subject
from ledger.account a
join ledger.balance b using (account_id)
left join (
    select tenant, code, sum(amount) as total
    from (
        select 'house:' || case when d.livemode then 'live' else 'test' end as tenant,
            'suspense:' || d.method || ':' || d.currency as code, d.in_suspense as amount
        from ledger.discrepancy d where d.state <> 'closed'
        union all
        select ours.tenant, ours.code, e.amount
        from ledger.unfinished
        join ledger.payment p using (payment_id)
        join ledger.ledger_tx tx on tx.kind = 'suspense' and tx.ref = p.payment_id::text
        join ledger.entry e on e.tx_id = tx.tx_id
        join ledger.account ours on ours.account_id = e.account_id and ours.kind = 'suspense'
        where not exists (
            select from ledger.discrepancy d
            where d.payment_id = p.payment_id and d.kind = 'unclaimed')
    ) owners
    group by tenant, code
) owned using (tenant, code)
where a.kind = 'suspense' and b.posted <> coalesce(owned.total, 0);

-- invariant: providers_agree
-- (full) In a period with a statement, every posting at the provider is in the statement or is a
-- discrepancy, and both sides of every group differ by exactly the amounts of its discrepancies.
with item as materialized (
    select i.method, split_part(i.tenant, ':', -1) = 'live' as livemode, i.currency, i.item_id, i.at,
        coalesce(i.gross, 0) - coalesce(i.fee, 0) as net
    from ledger.provider_item i
    where exists (select from ledger.recon_run)
),
member as (
    select m.method, m.livemode, m.currency, m.name, l.net
    from ledger.recon_match m
    join ledger.provider_line l
        on m.side = 'theirs' and l.method = m.method and l.livemode = m.livemode
       and l.external_id = m.member
    union all
    select m.method, m.livemode, m.currency, m.name, -item.net
    from ledger.recon_match m
    join item
        on m.side = 'ours' and item.method = m.method and item.livemode = m.livemode
       and item.currency = m.currency and item.item_id = m.member
)
select 'item ' || item.item_id as subject
from item
where exists (
        select from ledger.recon_run r
        where (r.method, r.livemode, r.currency) = (item.method, item.livemode, item.currency)
          and item.at >= r.since + r.tolerance and item.at < r.until - r.tolerance)
  and not exists (
        select from ledger.recon_match m
        where (m.method, m.livemode, m.currency, m.side, m.member)
            = (item.method, item.livemode, item.currency, 'ours', item.item_id))
union all
select 'group ' || differing.name
from (
    select method, livemode, currency, name, sum(net) as difference
    from member group by method, livemode, currency, name having sum(net) <> 0
) differing
where differing.difference is distinct from (
    select sum(case when d.kind = 'missing_there' and d.state <> 'closed'
                    then d.difference else d.booked end)
    from ledger.discrepancy d
    where (d.method, d.livemode, d.currency, d.name)
        = (differing.method, differing.livemode, differing.currency, differing.name)
      and d.kind <> 'unclaimed');
