-- The balances of our own accounts of each mode, on the normal side of their kind, by method.
select split_part(a.tenant, ':', -1) as mode, a.kind, split_part(a.code, ':', 2) as method, a.currency,
    sum(b.normal * b.posted) as minor
from ledger.account a
join ledger.balance b using (account_id)
where a.tenant in ('house:test', 'house:live')
  and a.kind in ('provider', 'fees', 'provider-costs', 'suspense', 'disputes', 'losses')
group by 1, 2, 3, 4
