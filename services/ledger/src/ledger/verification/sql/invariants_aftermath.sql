-- What must be true of money that was reversed or disputed after a payment completed; see
-- invariants.sql.

-- invariant: reversals_negate
-- A payment's reversed amount is what its reversals moved at the provider, less what was reinstated;
-- only a completed payment is reversed, and never by more than its amount. What is reversed in whole
-- and at once by a withdrawal's or refund's reversal is the exact negation of its settlement.
select 'payment ' || p.payment_id as subject
from {payment} p
left join lateral (
    select sum(e.amount) * case p.type when 'deposit' then -1 else 1 end as minor
    from ledger.ledger_tx tx
    join ledger.entry e using (tx_id)
    where tx.payment_id = p.payment_id and tx.kind in ('reversal', 'reinstatement')
      and e.account_id = p.provider_account_id
) moved on true
where p.reversed_minor <> coalesce(moved.minor, 0)
   or p.reversed_minor not between 0 and p.minor
   or (p.status <> 'completed' and moved.minor is not null)
union all
select 'transaction ' || tx.tx_id
from {ledger_tx} tx
left join ledger.payment p using (payment_id)
where tx.kind = 'reversal'
  and (p.payment_id is null
       or (tx.ref <> p.payment_id::text and not starts_with(tx.ref, p.payment_id || ':'))
       or (p.type <> 'deposit' and p.reversed_minor = p.minor
           and not exists (
               select from ledger.ledger_tx other
               where other.payment_id = p.payment_id and other.tx_id <> tx.tx_id
                 and other.kind in ('reversal', 'reinstatement'))
           and exists (
               select
               from ledger.ledger_tx booked
               join ledger.entry e using (tx_id)
               where booked.payment_id = p.payment_id
                 and booked.kind in ('settlement', 'suspense', 'resolution', 'reversal')
               group by e.account_id
               having sum(e.amount) <> 0)));

-- invariant: reinstatements_negate
-- A reinstatement is the negation of an earlier reversal of its payment; only the customer of a payout
-- may pay less of it, and the losses more.
select 'transaction ' || tx.tx_id as subject
from {ledger_tx} tx
left join ledger.payment p using (payment_id)
left join ledger.ledger_tx reversal
    on reversal.kind = 'reversal' and reversal.ref = tx.ref
    and reversal.payment_id = tx.payment_id and reversal.tx_id < tx.tx_id
where tx.kind = 'reinstatement'
  and (reversal.tx_id is null or exists (
      select
      from ledger.entry e
      join ledger.account a using (account_id)
      where e.tx_id in (tx.tx_id, reversal.tx_id)
        and (p.type = 'deposit' or not (a.kind = 'losses' or a.account_id = p.customer_account_id))
      group by e.account_id
      having sum(e.amount) <> 0));

-- invariant: disputes_match_journal
-- The amounts withdrawn, reinstated, charged and lost in a dispute equal its postings, and its
-- payment's disputed amount includes it.
select 'dispute ' || d.reference as subject
from {payment} p
join ledger.dispute d using (payment_id)
left join lateral (
    select
        coalesce(sum(e.amount) filter (where tx.kind = 'dispute_withdrawn'), 0) as withdrawn,
        coalesce(sum(e.amount) filter (where tx.kind = 'dispute_fee'), 0) as fee,
        coalesce(sum(e.amount) filter (
            where tx.kind = 'dispute_reinstated' and not of_fee), 0) as reinstated,
        coalesce(sum(e.amount) filter (
            where tx.kind = 'dispute_reinstated' and of_fee), 0) as fee_reinstated,
        coalesce(sum(e.amount) filter (where tx.kind = 'dispute_lost'), 0) as lost
    from ledger.ledger_tx tx
    join ledger.entry e using (tx_id)
    cross join lateral (select starts_with(tx.ref, d.reference || ':fee') as of_fee) named
    where tx.payment_id = d.payment_id and e.amount > 0
      and (tx.ref = d.reference or starts_with(tx.ref, d.reference || ':'))
) posted on true
where (posted.withdrawn, posted.fee, posted.reinstated, posted.fee_reinstated, posted.lost)
   <> (d.withdrawn_minor, d.fee_minor, d.reinstated_minor, d.fee_reinstated_minor, d.lost_minor)
union all
select 'payment ' || p.payment_id
from {payment} p
left join lateral (
    select sum(case
        when d.withdrawn_minor <= d.reinstated_minor then 0
        when d.money_currency = p.currency then d.withdrawn_minor - d.reinstated_minor
        when d.currency = p.currency then d.minor
        else 0 end) as minor
    from ledger.dispute d where d.payment_id = p.payment_id
) taken on true
where p.disputed_minor <> coalesce(taken.minor, 0)
union all
select 'transaction ' || tx.tx_id
from {ledger_tx} tx
where tx.kind in ('dispute_withdrawn', 'dispute_fee', 'dispute_reinstated', 'dispute_lost')
  and not exists (
      select from ledger.dispute d
      where d.payment_id = tx.payment_id
        and (tx.ref = d.reference or starts_with(tx.ref, d.reference || ':')));

-- invariant: disputed_money_is_open
-- The disputes accounts hold the amounts that providers have withdrawn in open disputes, and a
-- dispute's hold ends when the dispute closes.
select a.tenant || ' ' || a.code as subject
from ledger.account a
join ledger.balance b using (account_id)
left join (
    select 'house:' || case when p.livemode then 'live' else 'test' end as tenant,
        'disputes:' || d.method || ':' || d.money_currency as code,
        sum(d.withdrawn_minor - d.reinstated_minor) as total
    from ledger.dispute d
    join ledger.payment p using (payment_id)
    where d.lost_minor = 0
    group by 1, 2
) undecided using (tenant, code)
where a.kind = 'disputes' and b.posted <> coalesce(undecided.total, 0)
union all
select 'hold ' || h.hold_key
from ledger.hold h
left join ledger.dispute d on h.hold_key = 'dispute:' || d.method || ':' || d.reference
where starts_with(h.hold_key, 'dispute:') and h.state = 'held'
  and (d.reference is null or d.closed is not null or d.lost_minor > 0);
