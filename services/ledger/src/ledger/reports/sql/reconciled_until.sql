-- Until when statements have been compared with the ledger, by mode, method and currency.
select case when livemode then 'live' else 'test' end as mode, method, currency, max(until) as until
from ledger.recon_run
group by 1, 2, 3
