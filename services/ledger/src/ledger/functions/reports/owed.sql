-- revision: 1 08abf3ce676c1c5a
-- What we owe, by mode and currency: to all customers together, and what is in suspense at each rail.
create or replace view ledger.owed as
select split_part(a.tenant, ':', 2) as mode, a.kind,
    case a.kind when 'suspense' then split_part(a.code, ':', 2) end as rail,
    a.currency, -sum(b.posted) as minor
from ledger.account a
join ledger.balance b on b.account_id = a.account_id
where a.kind in ('customer', 'suspense')
group by split_part(a.tenant, ':', 2), a.kind,
    case a.kind when 'suspense' then split_part(a.code, ':', 2) end, a.currency;

grant select on ledger.owed to cift_operator;
