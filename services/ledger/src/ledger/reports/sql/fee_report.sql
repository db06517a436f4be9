-- Fees earned on the volume moved, booked from $1 and before $2, by mode, method, currency and the
-- period $3 (day or month, null: the whole time) in which it was booked.
--
-- The volume comes from the entries on providers' accounts: settlements, reversals and operators'
-- resolutions, plus what a resolution took out of suspense. Deposits and withdrawals are separate
-- columns, both positive; reversed amounts reduce the column of their payment's type.
with booked as (
    select split_part(a.tenant, ':', -1) as mode, split_part(a.code, ':', 2) as method, a.currency,
        date_trunc($3::text, e.created_at at time zone 'UTC')::date as period,
        a.kind, e.amount,
        case when (a.kind = 'provider' and tx.kind in ('settlement', 'reversal', 'reinstatement', 'resolution'))
                  or (a.kind = 'suspense' and tx.kind = 'resolution')
            then p.type end as moved_by
    from ledger.entry e
    join ledger.account a using (account_id)
    join ledger.ledger_tx tx using (tx_id)
    left join ledger.payment p using (payment_id)
    where e.created_at >= $1 and e.created_at < $2
      and a.kind in ('fees', 'provider-costs', 'provider', 'suspense')
)
select mode, method, currency, period,
    coalesce(sum(amount) filter (where moved_by = 'deposit'), 0) as deposits,
    coalesce(-sum(amount) filter (where moved_by = 'withdrawal'), 0) as withdrawals,
    coalesce(-sum(amount) filter (where moved_by = 'refund'), 0) as refunds,
    coalesce(-sum(amount) filter (where kind = 'fees'), 0) as revenue,
    coalesce(sum(amount) filter (where kind = 'provider-costs'), 0) as costs
from booked
where kind in ('fees', 'provider-costs') or moved_by is not null
group by mode, method, currency, period
order by mode, method, currency, period
