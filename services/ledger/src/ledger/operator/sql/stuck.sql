-- Payments whose worker should have published a result by now, and payments that wait for an
-- operator.
select p.payment_id, p.type, p.method, p.status, p.livemode, p.merchant_id, p.customer_id,
       p.minor, p.currency, p.created_at, p.next_check_at, p.sweep_count,
       coalesce(overdue.since, entered.occurred_at) as since,
       case p.status when 'in_review' then 'in_review' else 'overdue' end as why
from ledger.unfinished
join ledger.payment p using (payment_id)
left join ledger.overdue($1) overdue using (payment_id)
left join lateral (
    select e.occurred_at
    from ledger.payment_event e
    where e.payment_id = p.payment_id and e.to_status = 'in_review'
    order by e.event_seq desc limit 1
) entered on p.status = 'in_review'
where p.status = 'in_review' or overdue.payment_id is not null
order by since, p.payment_id
limit $2
