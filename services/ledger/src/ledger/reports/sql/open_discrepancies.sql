-- The open discrepancies by mode, method and currency: how many, since when, and their amounts
-- without signs.
select case when livemode then 'live' else 'test' end as mode, method, currency,
    count(*) as discrepancies, min(opened_at) as since, sum(abs(difference)) as minor
from ledger.discrepancy
where state = 'open'
group by 1, 2, 3
