-- What must always be true of the books. Each query answers one row, `subject`, for each violation.
-- Read by ledger.verifier, which runs all of them in one snapshot.

-- invariant: transactions_balance
-- Every transaction has two entries or more, and they sum to zero in each currency.
select 'transaction ' || coalesce(tx.tx_id, e.tx_id) as subject
from ledger.ledger_tx tx
full join (
    select tx_id, sum(entries) as entries, bool_or(total <> 0) as crooked
    from (select tx_id, currency, count(*) as entries, sum(amount) as total
          from ledger.entry group by tx_id, currency) by_currency
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
-- A balance is the sum of its account's entries, and its version is their number.
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
-- Along an account every entry starts where the one before it ended, without a gap.
select 'entry ' || entry_id as subject
from (
    select entry_id, amount, balance_after, account_version,
        lag(balance_after, 1, 0::numeric) over account_history as balance_before,
        lag(account_version, 1, 0::bigint) over account_history as version_before
    from ledger.entry
    window account_history as (partition by account_id order by account_version, entry_id)
) history
where balance_after <> balance_before + amount or account_version <> version_before + 1;

-- invariant: available_above_floor
-- No account has less available than its floor, and each keeps the floor of its kind.
select 'account ' || b.account_id as subject
from ledger.balance b
join ledger.account a using (account_id)
join ledger.account_kind k using (kind)
where b.normal * b.posted - b.held < b.floor
   or b.floor is distinct from k.floor
   or b.normal <> case k.normal_side when 'debit' then 1 else -1 end;

-- invariant: held_is_open_holds
-- What is held on an account is the sum of its open holds.
select 'account ' || b.account_id as subject
from ledger.balance b
left join (
    select account_id, sum(amount) as total from ledger.hold where state = 'held' group by account_id
) h using (account_id)
where b.held <> coalesce(h.total, 0);

-- invariant: holds_follow_payments
-- Money out has one hold of its net amount, which ends as its payment ends.
select 'payment ' || p.payment_id as subject
from ledger.payment p
full join ledger.hold h using (payment_id)
where (p.type <> 'deposit') <> (h.hold_id is not null)
   or h.amount <> p.net_minor
   or h.account_id <> p.customer_account_id
   or h.state <> all (case p.status
        when 'completed' then array['captured']
        when 'failed' then array['released']
        when 'canceled' then array['released']
        when 'expired' then array['expired']
        when 'in_review' then array['held', 'released', 'expired']
        else array['held'] end);

-- invariant: references_are_unique
-- No provider's receipt counts for two payments, no posting and no result counts twice.
select 'receipt ' || provider_reference as subject
from ledger.payment where provider_reference is not null
group by method, provider_reference having count(*) > 1
union all
select kind || ' ' || ref from ledger.ledger_tx group by kind, ref having count(*) > 1
union all
select 'result ' || result_id
from ledger.payment_event where result_id is not null
group by result_id having count(*) > 1;

-- invariant: payments_match_journal
-- Completed payments, and no others, have one settlement, over exactly their amounts and accounts.
select 'payment ' || p.payment_id as subject
from ledger.payment p
left join (
    select tx.payment_id, count(distinct tx.tx_id) as settlements,
        sum(abs(e.amount)) filter (where e.account_id = paid.provider_account_id) as moved,
        coalesce(sum(abs(e.amount)) filter (
            where e.account_id = paid.customer_account_id), 0) as booked,
        bool_and(e.currency = paid.currency and tx.ref = paid.payment_id::text) as matches
    from ledger.ledger_tx tx
    join ledger.payment paid using (payment_id)
    join ledger.entry e using (tx_id)
    where tx.kind = 'settlement'
    group by tx.payment_id
) s using (payment_id)
where (p.status = 'completed') <> (s.payment_id is not null)
   or s.settlements <> 1
   or s.moved is distinct from case when s.payment_id is not null then p.minor end
   or s.booked <> p.net_minor
   or not s.matches
union all
select 'transaction ' || tx.tx_id
from ledger.ledger_tx tx
left join ledger.payment p using (payment_id)
where p.payment_id is null or (tx.kind = 'suspense' and p.status <> 'in_review');

-- invariant: refunds_within_captured
-- What a deposit says was given back is what its refunds say, and never more than it brought.
select 'payment ' || p.payment_id as subject
from ledger.payment p
left join (
    select refund.parent_payment_id as payment_id,
        coalesce(sum(refund.minor) filter (where hold.state = 'captured'), 0) as refunded,
        coalesce(sum(refund.minor) filter (where hold.state = 'held'), 0) as pending,
        coalesce(sum(refund.fee_minor) filter (
            where hold.state in ('captured', 'held')), 0) as fees
    from ledger.payment refund
    join ledger.hold using (payment_id)
    where refund.type = 'refund'
    group by refund.parent_payment_id
) r using (payment_id)
where p.refunded_minor <> coalesce(r.refunded, 0)
   or p.refund_pending_minor <> coalesce(r.pending, 0)
   or p.refunded_minor + p.refund_pending_minor > p.minor
   or r.fees > p.fee_minor
   or (r.refunded = p.minor and r.fees <> p.fee_minor);

-- invariant: history_leads_to_status
-- A payment's history starts with its acceptance, moves only as allowed, and ends where it is.
select distinct 'payment ' || payment_id as subject
from (
    select p.payment_id, p.status, p.version, e.from_status, e.to_status, e.version as event_version,
        e.event_seq,
        lag(e.to_status) over history as status_before,
        lag(e.version) over history as version_before,
        row_number() over (partition by p.payment_id order by e.event_seq desc) as place_from_end
    from ledger.payment p
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
            where t.from_status = steps.from_status and t.to_status = steps.to_status)))
   or (version_before is null and to_status is distinct from 'pending')
union all
select 'payment ' || p.payment_id
from ledger.payment p
cross join lateral (
    select e.to_status from ledger.payment_event e
    where e.payment_id = p.payment_id and e.to_status is not null
    order by e.event_seq desc limit 1
) newest
where newest.to_status <> p.status
union all
select 'event ' || e.event_seq
from ledger.payment_event e
left join ledger.payment p using (payment_id)
where p.payment_id is null;

-- invariant: currencies_match
-- Entries, payments and accounts that belong together share a currency.
select 'entry ' || e.entry_id as subject
from ledger.entry e
left join ledger.account a using (account_id)
where e.currency is distinct from a.currency
union all
select 'payment ' || p.payment_id
from ledger.payment p
join ledger.account a on a.account_id in (
    p.customer_account_id, p.provider_account_id, p.fees_account_id)
where a.currency <> p.currency;

-- invariant: outbox_drains
-- No message waits longer than five minutes for its relay.
select 'message ' || id || ' to ' || topic as subject
from ledger.outbox
where created_at < now() - interval '5 minutes';

-- invariant: ends_are_told_once
-- Every payment that has ended has exactly one event that says so.
select 'payment ' || p.payment_id as subject
from ledger.payment p
where p.status in ('completed', 'failed', 'expired', 'canceled')
  and (select count(*) from ledger.payment_event e
       where e.payment_id = p.payment_id and e.to_status = p.status) <> 1;

-- invariant: journal_is_guarded
-- No service may write the books directly, and every guarding trigger is armed.
select role_name || ' may ' || privilege || ' ' || c.relname as subject
from pg_class c
cross join unnest(array['cift_ledger', 'cift_gateway']) role_name
cross join unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) privilege
where c.relnamespace = 'ledger'::regnamespace
  and c.relkind in ('r', 'p')
  and has_table_privilege(role_name, c.oid, privilege)
  and not (c.relname = 'outbox' and role_name = 'cift_ledger'
           and privilege in ('INSERT', 'DELETE'))
union all
select 'trigger ' || expected.trigger_name || ' is not armed'
from (values
    ('ledger_tx', 'ledger_tx_append_only'), ('ledger_tx', 'ledger_tx_no_truncate'),
    ('ledger_tx', 'ledger_tx_balanced'),
    ('entry', 'entry_append_only'), ('entry', 'entry_no_truncate'),
    ('payment_event', 'payment_event_append_only'), ('payment_event', 'payment_event_no_truncate'),
    ('payment', 'payment_never_deleted'), ('account', 'account_never_deleted'),
    ('balance', 'balance_never_deleted'),
    ('hold', 'hold_ends_once'), ('hold', 'hold_never_deleted'), ('hold', 'hold_no_truncate')
) expected (table_name, trigger_name)
where not exists (
    select from pg_trigger t
    join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'ledger'::regnamespace and c.relname = expected.table_name
      and t.tgname = expected.trigger_name and t.tgenabled in ('O', 'A'))
union all
select 'trigger ' || t.tgname || ' is disabled'
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'ledger'::regnamespace and t.tgisinternal and t.tgenabled = 'D';
