-- What must always be true of the ledger. Each query returns one row, `subject`, per violation.
-- ledger.verification.invariants reads every file invariants*.sql in this folder; all queries run in
-- one snapshot.
--
-- A name in braces is a part of the ledger: all of it, or the rows of a window of the log.
--
--     {ledger_tx} {entry} {payment_event} {input}    rows at positions of the window
--     {payment}                                      payments with an event in the window
--
-- Queries without braces read few rows (balances, open holds, the outbox) and run as they are.
-- Queries marked "(full)" read the whole ledger, and run at the end of each pass along the log.

-- invariant: transactions_balance
-- Every transaction has at least two entries, and they sum to zero in each currency.
select 'transaction ' || coalesce(tx.tx_id, e.tx_id) as subject
from {ledger_tx} tx
full join (
    select tx_id, sum(entries) as entries, bool_or(total <> 0) as crooked
    from (select tx_id, currency, count(*) as entries, sum(amount) as total
          from {entry} entry group by tx_id, currency) by_currency
    group by tx_id
) e using (tx_id)
where tx.tx_id is null or e.tx_id is null or e.entries < 2 or e.crooked;

-- invariant: trial_balance
-- All balances of one mode and currency sum to zero.
select split_part(a.tenant, ':', -1) || ' ' || a.currency || ' ' || sum(b.posted) as subject
from ledger.balance b
join ledger.account a using (account_id)
group by split_part(a.tenant, ':', -1), a.currency
having sum(b.posted) <> 0;

-- invariant: balances_follow_entries
-- A balance equals balance_after of its newest entry, and its version is that entry's number.
select 'account ' || account_id as subject
from (select distinct account_id from {entry} entry) touched
left join ledger.balance b using (account_id)
left join lateral (
    select balance_after, account_version
    from ledger.entry e
    where e.account_id = touched.account_id
    order by account_version desc limit 1
) newest on true
where (b.posted, b.version) is distinct from (newest.balance_after, newest.account_version)
union all
select 'account ' || account_id from ledger.balance where version = 0 and posted <> 0;

-- invariant: balances_are_sums
-- (full) A balance is the sum of its account's entries, and its version is the number of entries.
select 'account ' || coalesce(b.account_id, e.account_id) as subject
from ledger.balance b
full join (
    select account_id, sum(amount) as total, count(*) as entries
    from ledger.entry group by account_id
) e using (account_id)
where b.account_id is null
   or b.posted <> coalesce(e.total, 0)
   or b.version <> coalesce(e.entries, 0);

-- invariant: running_balances_chain
-- Each entry of an account continues the running balance of the previous one, without a gap, in
-- log order.
select 'entry ' || e.entry_id as subject
from {entry} e
left join ledger.entry before
    on before.account_id = e.account_id and before.account_version = e.account_version - 1
where e.balance_after <> coalesce(before.balance_after, 0) + e.amount
   or (before.tx_id is null) <> (e.account_version = 1)
   or (before.tx_id, before.seq) >= (e.tx_id, e.seq);

-- invariant: available_above_floor
-- No account's available balance is below its floor, and each floor is that of the account's kind.
select 'account ' || b.account_id as subject
from ledger.balance b
join ledger.account a using (account_id)
join ledger.account_kind k using (kind)
where b.normal * b.posted - b.held < b.floor
   or b.floor is distinct from k.floor
   or b.house <> k.house
   or b.normal <> case k.normal_side when 'debit' then 1 else -1 end;

-- invariant: held_is_open_holds
-- The held amount of an account is the sum of its open holds.
select 'account ' || b.account_id as subject
from ledger.balance b
left join (
    select account_id, sum(amount) as total from ledger.hold where state = 'held' group by account_id
) h using (account_id)
where b.held <> coalesce(h.total, 0);

-- invariant: holds_end_in_time
-- No hold is still open five minutes after its expiry time.
select 'hold ' || hold_key as subject
from ledger.hold
where state = 'held' and expires_at < now() - interval '5 minutes';

-- invariant: holds_follow_payments
-- A withdrawal or refund has one hold of its net amount, which ends when the payment ends; an
-- operator's resolution may end it differently.
select 'payment ' || p.payment_id as subject
from {payment} p
left join ledger.hold h using (payment_id)
cross join lateral (select exists (
    select from ledger.payment_event e
    where e.payment_id = p.payment_id and e.kind = 'resolved') as by_people) decided
where (p.type <> 'deposit') <> (h.hold_id is not null)
   or (h.amount <> p.net_minor and not by_people)
   or h.account_id <> p.customer_account_id
   or (h.state = 'captured' and h.captured <> least(h.amount, p.net_minor))
   or h.state <> all (case p.status
        when 'completed' then case when by_people
            then array['captured', 'released', 'expired'] else array['captured'] end
        when 'failed' then case when by_people
            then array['released', 'expired'] else array['released'] end
        when 'canceled' then array['released']
        when 'expired' then array['expired']
        when 'in_review' then array['held', 'released', 'expired']
        else array['held'] end);

-- invariant: references_are_unique
-- No provider's receipt belongs to two payments; no posting and no result is applied twice.
select 'receipt ' || p.provider_reference as subject
from {payment} p
left join ledger.receipt r on r.method = p.rail and r.reference = p.provider_reference
where p.provider_reference is not null and r.payment_id is distinct from p.payment_id
union all
select tx.kind || ' ' || tx.ref
from {ledger_tx} tx
join ledger.ledger_tx other on other.kind = tx.kind and other.ref = tx.ref and other.tx_id <> tx.tx_id
union all
select 'result ' || e.result_id
from {payment_event} e
join ledger.payment_event other on other.result_id = e.result_id and other.event_seq <> e.event_seq;

-- invariant: payments_match_journal
-- Completed payments, and no others, have one settlement, with exactly their amounts and accounts;
-- an operator's resolution counts together with the amount it took from suspense.
select 'payment ' || p.payment_id as subject
from {payment} p
left join (
    select tx.payment_id,
        count(distinct tx.tx_id) filter (where tx.kind <> 'suspense') as settlements,
        abs(sum(e.amount) filter (where e.account_id = paid.provider_account_id)) as moved,
        coalesce(abs(sum(e.amount) filter (
            where e.account_id = paid.customer_account_id)), 0) as booked,
        bool_and(tx.ref = paid.payment_id::text
                 and (tx.kind = 'suspense'
                      or e.currency in (
                          paid.currency, coalesce(ledger.paid_in(paid.pricing), paid.currency)))) as matches
    from {payment} paid
    join ledger.ledger_tx tx using (payment_id)
    join ledger.entry e using (tx_id)
    where tx.kind in ('settlement', 'suspense', 'resolution')
    group by tx.payment_id
) s using (payment_id)
where coalesce(s.settlements, 0) <> (p.status = 'completed')::integer
   or (p.status = 'completed' and (s.moved is distinct from p.minor or s.booked <> p.net_minor))
   or not s.matches;

-- invariant: amounts_follow_policy
-- A payment has the amounts of its acceptance. A completed payment may have others if an operator
-- resolved it, or if it takes what arrives: then the fee is that of its pricing.
select 'payment ' || p.payment_id as subject
from {payment} p
join ledger.payment_event accepted
    on accepted.payment_id = p.payment_id and accepted.kind = 'accepted'
cross join lateral (select exists (
    select from ledger.payment_event e
    where e.payment_id = p.payment_id and e.kind = 'resolved') as by_people) decided
where coalesce(p.requested_minor, p.minor) <> (accepted.detail->>'minor')::numeric
   or (p.requested_minor is null and not by_people
       and (p.fee_minor <> (accepted.detail->>'fee_minor')::numeric and p.type <> 'refund'
            or p.net_minor <> (accepted.detail->>'net_minor')::numeric and p.type <> 'refund'))
   or (p.requested_minor is not null and p.status <> 'completed')
   or (p.requested_minor is not null and not by_people and (
        p.amount_policy <> 'as_received'
        or p.fee_minor is distinct from ledger.fee_by_pricing(p.pricing, p.minor, p.currency)));

-- invariant: postings_have_a_cause
-- Every transaction comes from an input of the log, and a payment's transaction from an input of
-- that payment.
select 'transaction ' || tx.tx_id as subject
from {ledger_tx} tx
left join ledger.payment_event e on e.event_seq = tx.tx_id / 8
left join ledger.input i on i.position = tx.tx_id / 8
where (e.event_seq is null and i.position is null)
   or (tx.payment_id is not null and i.position is null
       and e.payment_id is distinct from tx.payment_id)
union all
select 'transaction ' || tx.tx_id
from {ledger_tx} tx
left join ledger.payment p using (payment_id)
where tx.payment_id is not null and p.payment_id is null
union all
select 'event ' || e.event_seq
from {payment_event} e
left join ledger.payment p using (payment_id)
where p.payment_id is null;

-- invariant: refunds_within_captured
-- A deposit's refunded amount is the sum of its refunds, and never more than the deposit.
select 'payment ' || p.payment_id as subject
from ledger.payment p
left join lateral (
    select
        coalesce(sum(refund.minor - refund.reversed_minor) filter (
            where refund.status = 'completed'), 0) as refunded,
        coalesce(sum(refund.minor) filter (where hold.state = 'held'), 0) as pending,
        coalesce(sum(refund.fee_minor - given.back) filter (
            where refund.status = 'completed' or hold.state = 'held'), 0) as fees,
        coalesce(bool_or(refund.reversed_minor > 0), false) as some_came_back
    from ledger.payment refund
    join ledger.hold using (payment_id)
    cross join lateral (
        -- of the refund's fee, by its reversals
        select coalesce(-sum(e.amount), 0) as back
        from ledger.ledger_tx tx
        join ledger.entry e using (tx_id)
        where refund.reversed_minor > 0
          and tx.payment_id = refund.payment_id and tx.kind in ('reversal', 'reinstatement')
          and e.account_id = refund.fees_account_id
    ) given
    where refund.parent_payment_id = p.payment_id
) r on true
where p.payment_id in (
        select coalesce(changed.parent_payment_id, changed.payment_id) from {payment} changed)
  and (p.refunded_minor <> r.refunded
       or p.refund_pending_minor <> r.pending
       or p.refunded_minor + p.refund_pending_minor > p.minor
       or r.fees > p.fee_minor
       or (r.refunded = p.minor and r.fees <> p.fee_minor
           -- the fee shares of reversals may be rounded differently
           and not r.some_came_back and not exists (
               select from ledger.ledger_tx tx
               where tx.payment_id = p.payment_id and tx.kind = 'reversal')));

-- invariant: history_leads_to_status
-- A payment's history starts with its acceptance (or with money that no command asked for), has only
-- allowed transitions, and ends in the payment's current status.
select distinct 'payment ' || payment_id as subject
from (
    select p.payment_id, p.status, p.version, e.from_status, e.to_status, e.version as event_version,
        e.event_seq, e.kind,
        lag(e.to_status) over history as status_before,
        lag(e.version) over history as version_before,
        row_number() over (partition by p.payment_id order by e.event_seq desc) as place_from_end
    from {payment} p
    left join ledger.payment_event e
        on e.payment_id = p.payment_id and (e.to_status is not null or e.disposition = 'applied')
    window history as (partition by p.payment_id order by e.event_seq)
) steps
where event_seq is null
   or event_version <> coalesce(version_before, 0) + 1
   or (place_from_end = 1 and event_version <> version)
   or (to_status is not null and status_before is not null and (
        from_status is distinct from status_before or not exists (
            select from ledger.payment_transition t
            where t.from_status = steps.from_status and t.to_status = steps.to_status
            union all
            select from ledger.operator_transition t
            where steps.kind = 'resolved'
              and t.from_status = steps.from_status and t.to_status = steps.to_status)))
   or (version_before is null and to_status is distinct from 'pending'
       -- money that no command asked for has its last status from the start
       and not (kind = 'received' and to_status in ('completed', 'in_review')))
union all
select 'payment ' || p.payment_id
from {payment} p
cross join lateral (
    select e.to_status from ledger.payment_event e
    where e.payment_id = p.payment_id and e.to_status is not null
    order by e.event_seq desc limit 1
) newest
where newest.to_status <> p.status;

-- invariant: open_payments_are_listed
-- The sweeper's list has every payment that has not ended, and no others.
select 'payment ' || p.payment_id as subject
from {payment} p
left join ledger.unfinished u using (payment_id)
where (p.status in ('pending', 'processing', 'requires_action', 'in_review'))
   <> (u.payment_id is not null);

-- invariant: currencies_match
-- Entries, balances, payments and accounts that belong together have the same currency.
select 'entry ' || e.entry_id as subject
from {entry} e
left join ledger.account a using (account_id)
where e.currency is distinct from a.currency
union all
select 'account ' || a.account_id
from ledger.account a
left join ledger.balance b using (account_id)
where b.currency is distinct from a.currency or a.currency <> split_part(a.code, ':', -1)
union all
select 'payment ' || p.payment_id
from {payment} p
join ledger.account a on a.account_id in (
    p.customer_account_id, p.provider_account_id, p.fees_account_id)
where a.currency <> p.currency;

-- invariant: outbox_drains
-- No message waits in the outbox longer than five minutes.
select 'message ' || id || ' to ' || topic as subject
from ledger.outbox
where created_at < now() - interval '5 minutes';

-- invariant: ends_are_told_once
-- Every payment that has ended has exactly one event with its final status since it was last in
-- review.
select 'payment ' || p.payment_id as subject
from {payment} p
where p.status in ('completed', 'failed', 'expired', 'canceled')
  and (select count(*) from ledger.payment_event e
       where e.payment_id = p.payment_id and e.to_status = p.status
         and e.event_seq > coalesce((
             select max(review.event_seq) from ledger.payment_event review
             where review.payment_id = p.payment_id and review.to_status = 'in_review'), 0)) <> 1;

-- invariant: sealing_keeps_up
-- No transaction waits longer than five minutes to be sealed into the hash chain.
select 'transaction ' || tx_id as subject
from ledger.ledger_tx
where tx_id > coalesce((select last_transaction_id from ledger.head), 0)
  and created_at < now() - interval '5 minutes'
limit 1000;
