-- The one writer of the journal: ledger.apply_results takes a batch of results as the workers sent
-- them and moves payments, holds, balances and entries set-wise.
--
--   read_results   JSON -> rows
--   lock_payments  parents of refunds included, in the order of their ids
--   rank_results   which are new, and which come first where one payment has several
--   in rounds, each with at most one result a payment:
--     judge        what each result means for its payment: pure reading, no writing
--     move         payments, and the deposits they refund
--     announce     history, outbox, notification
--     open_transactions
--   post           entries, holds and balances of all rounds; the balances are locked by id, the
--                  house accounts last. This comes at the very end because every other writer waits
--                  for those from here to the commit, and only once, so that two writers can't each
--                  hold what the other one needs.
--
-- What is surprising in business terms is an outcome of its row. An exception means that our own
-- books contradict themselves (a constraint spoke), and takes the whole batch back; the caller
-- halves the batch until the row that causes it stands alone.
--
-- Arrays of ledger.verdict carry the rows from step to step: in the size of a batch they are faster
-- than temporary tables, and every join is by an index however the planner guesses their length.

set local role cift_ledger_owner;

create type ledger.verdict as (
    -- the result, as it was sent
    place                 integer,  -- in the batch, from 1
    result_id             text,
    payment_id            uuid,
    attempt_id            uuid,
    seq                   integer,
    kind                  text,
    method                text,
    occurred_at           timestamptz,
    amount                numeric,
    currency              text,
    provider_fee          numeric,
    provider_fee_currency text,
    provider_reference    text,
    failure               jsonb,
    next_action           jsonb,
    reason                text,
    next_check_at         timestamptz,
    evidence              jsonb,
    traceparent           text,
    -- what is made of it
    round                 integer,  -- null: nothing to judge, the outcome is known
    outcome               text,
    from_status           text,
    to_status             text,     -- null: the status stays
    version               integer,  -- of the payment, afterwards
    changed               boolean,  -- the merchant can see a difference
    posting               text,     -- settlement, suspense or null
    tx_id                 bigint,
    fee_tx_id             bigint,   -- null: no provider's fee to post
    counts                boolean,  -- the payment learns from it, if only when to look again
    payment_type          text
);

-- One change of one balance: an entry, or the end of a hold (tx_id null).
create type ledger.movement as (
    place      integer,
    seq        smallint,
    tx_id      bigint,
    account_id bigint,
    amount     numeric,
    currency   text,
    released   numeric
);

create function ledger.read_results(p_results jsonb, p_traceparents text[])
returns ledger.verdict[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(
        r.place, r.result_id, r.payment_id, r.attempt_id, r.seq, r.kind, r.method, r.occurred_at,
        (r.amount->>'minor')::numeric, r.amount->>'currency',
        (r.provider_fee->>'minor')::numeric, r.provider_fee->>'currency',
        r.provider_reference, r.failure, r.next_action, r.reason, r.next_check_at, r.evidence,
        p_traceparents[r.place],
        null, null, null, null, null, null, null, null, null, null, null)::verdict order by r.place)
    from rows from (
        jsonb_to_recordset(p_results) as (
            result_id text, payment_id uuid, attempt_id uuid, seq integer, kind text, method text,
            occurred_at timestamptz, amount jsonb, provider_fee jsonb, provider_reference text,
            failure jsonb, next_action jsonb, reason text, next_check_at timestamptz,
            evidence jsonb)
    ) with ordinality as r(
        result_id, payment_id, attempt_id, seq, kind, method, occurred_at, amount, provider_fee,
        provider_reference, failure, next_action, reason, next_check_at, evidence, place)
);
end
$$;

-- Serialise everybody who wants one of these payments, in one order.
create function ledger.lock_payments(p_batch ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform 1
    from payment
    where payment_id = any (array(
        select b.payment_id from unnest(p_batch) b
        union
        select child.parent_payment_id
        from unnest(p_batch) b
        join payment child on child.payment_id = b.payment_id
        where child.parent_payment_id is not null))
    order by payment_id
    for no key update;
end
$$;

-- Known outcomes (no such payment, seen before) and the round of every other result: results of
-- one payment in the order of their attempts' first appearance, then by sequence number.
create function ledger.rank_results(p_batch ledger.verdict[]) returns ledger.verdict[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(
        place, result_id, payment_id, attempt_id, seq, kind, method, occurred_at, amount, currency,
        provider_fee, provider_fee_currency, provider_reference, failure, next_action, reason,
        next_check_at, evidence, traceparent,
        case when known is null then turn end,
        known, null, null, null, null, null, null, null, null, null)::verdict order by place)
    from (
        select sorted.*,
            row_number() over (
                partition by payment_id, known is null order by attempt_place, seq, place) as turn
        from (
            select b.*,
                min(b.place) over (partition by b.payment_id, b.attempt_id) as attempt_place,
                case
                    when not exists (select from payment p
                                     where p.payment_id = b.payment_id and p.method = b.method)
                        then 'unknown_payment'
                    when row_number() over (partition by b.result_id order by b.place) > 1
                         or exists (select from payment_event e where e.result_id = b.result_id)
                        then 'duplicate'
                end as known
            from unnest(p_batch) b
        ) sorted
    ) ranked
);
end
$$;

-- What each result of a round means for its payment. Reads, decides, writes nothing.
create function ledger.judge(p_batch ledger.verdict[], p_round integer) returns ledger.verdict[]
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
return (
    with facts as materialized (
        select
            b.place, b.result_id, b.payment_id, b.attempt_id, b.seq, b.method, b.occurred_at,
            b.amount, b.currency, b.provider_fee, b.provider_fee_currency, b.provider_reference,
            b.failure, b.next_action, b.reason, b.next_check_at, b.evidence, b.traceparent,
            b.kind as sent_kind,
            -- a settlement that does not say how much moved settles nothing
            case when b.kind = 'settled' and (
                    coalesce(b.amount, 0) <= 0 or b.provider_fee < 0
                    or b.provider_fee_currency <> b.currency)
                then 'conflicting' else b.kind end as kind,
            p.status, p.version, p.type, p.currency as payment_currency,
            p.status in ('pending', 'processing', 'requires_action') as is_open,
            b.amount = p.minor and b.currency = p.currency as amount_matches,
            coalesce(b.attempt_id = p.attempt_id and b.seq <= p.attempt_seq, false) as overtaken,
            b.provider_reference <> p.provider_reference as other_reference,
            b.provider_fee <> p.provider_fee_minor as other_fee,
            b.provider_reference is not null and p.provider_reference is null as new_reference,
            b.provider_fee is not null and p.provider_fee_minor is null as new_fee
        from unnest(p_batch) b
        join payment p on p.payment_id = b.payment_id
        where b.round = p_round
    ),
    aimed as materialized (
        select facts.*,
            case kind
                when 'submitted' then 'processing'
                when 'unknown' then 'processing'
                when 'action_required' then 'requires_action'
                when 'settled' then 'completed'
                when 'declined' then 'failed'
                when 'expired' then 'expired'
                when 'canceled' then 'canceled'
                when 'conflicting' then 'in_review'
            end as target,
            kind = 'settled' and provider_reference is not null and exists (
                select from payment other
                where other.method = facts.method
                  and other.provider_reference = facts.provider_reference
                  and other.payment_id <> facts.payment_id) as reference_taken
        from facts
    ),
    ruled as (
        select aimed.*,
            case
                when kind = 'noted' then 'note'

                -- progress: only forward, and never past an end
                when kind in ('submitted', 'action_required', 'unknown') then case
                    when overtaken or not is_open then 'stale'
                    when kind = 'unknown' and status <> 'pending' then 'note'
                    when kind = 'submitted' and status = 'processing' then 'note'
                    else 'move' end

                -- money moved: it is booked where it belongs, or where people look
                when kind = 'settled' then case
                    when reference_taken then 'reused'
                    when is_open and amount_matches then 'move'
                    when status = 'completed' then case
                        when not amount_matches or other_reference or other_fee then 'conflict'
                        when new_reference or new_fee then 'fill'
                        else 'duplicate' end
                    when status = 'in_review' and exists (
                        select from ledger_tx t
                        where t.kind = 'suspense' and t.ref = aimed.payment_id::text) then 'conflict'
                    else 'suspend' end

                -- nothing moved, or nobody knows
                when exists (select from payment_transition t
                             where t.from_status = aimed.status and t.to_status = aimed.target)
                    then 'move'
                when status = target then 'duplicate'
                when is_open or status in ('completed', 'in_review') then 'conflict'
                else 'stale'
            end as first_ruling
        from aimed
    ),
    settled_first as (
        -- of two payments in one round that name one receipt, the first keeps it
        select ruled.*,
            case when kind = 'settled' and first_ruling in ('move', 'fill', 'suspend')
                      and provider_reference is not null
                      and row_number() over (
                          partition by method, provider_reference,
                              kind = 'settled' and first_ruling in ('move', 'fill', 'suspend')
                          order by place) > 1
                then 'reused' else first_ruling end as ruling
        from ruled
    ),
    decided as (
        select settled_first.*,
            case
                when ruling = 'move' and target <> 'in_review' then 'applied'
                when ruling = 'fill' then 'applied'
                when ruling = 'note' then 'noted'
                when ruling in ('move', 'reused', 'suspend') then 'conflict'
                else ruling
            end as outcome,
            case
                when ruling = 'move' then target
                when ruling = 'reused' and is_open then 'in_review'
                when ruling = 'suspend' and status <> 'in_review' then 'in_review'
            end as to_status,
            case
                when ruling = 'suspend' then 'suspense'
                when ruling = 'move' and kind = 'settled' then 'settlement'
            end as posting,
            kind = 'settled' and ruling in ('move', 'fill', 'suspend') as believed,
            coalesce(reason, case
                when ruling = 'reused' then 'provider_reference_reused'
                when kind <> sent_kind then 'settlement_unreadable'
                when ruling = 'suspend' and is_open then 'amount_mismatch'
                when ruling = 'suspend' then 'settled_after_' || status
            end) as why
        from settled_first
    )
    select array_agg(row(
        place, result_id, payment_id, attempt_id, seq, sent_kind, method, occurred_at, amount,
        currency,
        case when believed and provider_fee_currency = payment_currency then provider_fee end,
        provider_fee_currency,
        case when believed then provider_reference end,
        failure, next_action, why, next_check_at, evidence, traceparent,
        p_round, outcome, status, to_status,
        version + (to_status is not null or ruling = 'fill')::integer,
        to_status is not null or ruling = 'fill',
        posting,
        case when posting is not null then nextval('ledger.ledger_tx_tx_id_seq') end,
        case when believed and new_fee and provider_fee > 0
                  and provider_fee_currency = payment_currency
            then nextval('ledger.ledger_tx_tx_id_seq') end,
        to_status is not null or believed or (is_open and ruling = 'note'),
        type)::verdict order by place)
    from (select * from decided order by place) in_order
);
end
$$;

-- Bring the payments, and the deposits they refund, to their new state.
create function ledger.move(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    touched bigint;
    expected bigint;
begin
    update payment p
    set status = coalesce(v.to_status, p.status),
        version = v.version,
        provider_reference = coalesce(p.provider_reference, v.provider_reference),
        provider_fee_minor = coalesce(p.provider_fee_minor, v.provider_fee),
        failure = case
            when v.to_status is null then p.failure
            when v.to_status in ('failed', 'expired', 'canceled') then v.failure end,
        next_action = case
            when v.to_status is null then p.next_action
            when v.to_status = 'requires_action' then v.next_action end,
        next_check_at = case
            when coalesce(v.to_status, p.status) in ('pending', 'processing', 'requires_action')
                then v.next_check_at end,
        updated_at = case
            when v.changed then greatest(p.updated_at, v.occurred_at) else p.updated_at end,
        attempt_id = v.attempt_id,
        attempt_seq = case
            when p.attempt_id = v.attempt_id then greatest(p.attempt_seq, v.seq) else v.seq end,
        heard_at = greatest(p.heard_at, v.occurred_at),
        sweep_count = 0,
        swept_at = null
    from unnest(p_verdicts) v
    where v.counts
      and p.payment_id = v.payment_id
      and (v.to_status is null or exists (
          select from payment_transition t
          where t.from_status = p.status and t.to_status = v.to_status));

    get diagnostics touched = row_count;
    select count(*) into expected from unnest(p_verdicts) v where v.counts;
    if touched <> expected then
        raise exception '% payments to move, % moved', expected, touched
            using errcode = 'data_corrupted';
    end if;

    update payment parent
    set refund_pending_minor = parent.refund_pending_minor - refunds.ended,
        refunded_minor = parent.refunded_minor + refunds.completed
    from (
        select child.parent_payment_id,
            sum(child.minor) as ended,
            coalesce(sum(child.minor) filter (where v.to_status = 'completed'), 0) as completed
        from unnest(p_verdicts) v
        join payment child on child.payment_id = v.payment_id
        where v.payment_type = 'refund'
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
        group by child.parent_payment_id
    ) refunds
    where parent.payment_id = refunds.parent_payment_id;
end
$$;

-- A payment as merchants see it: the same fields as the API's, so that an event and a GET agree.
create function ledger.payment_json(p ledger.payment, unit numeric) returns json
language sql stable
return json_build_object(
    'id', p.payment_id,
    'type', p.type,
    'method', p.method,
    'status', p.status,
    'amount', (p.minor * unit)::text,
    'currency', p.currency,
    'customer_id', p.customer_id,
    'fee', (p.fee_minor * unit)::text,
    'net', (p.net_minor * unit)::text,
    'payment_method', json_build_object(
        'kind', p.instrument->'kind',
        'phone', p.instrument->'display',
        'country', p.instrument->'country'),
    'next_action', p.next_action,
    'provider_reference', p.provider_reference,
    'failure', p.failure,
    'estimated_arrival', p.estimated_arrival,
    'description', p.description,
    'return_url', p.return_url,
    'metadata', p.metadata,
    'refunded', (p.refunded_minor * unit)::text,
    'parent', p.parent_payment_id,
    'livemode', p.livemode,
    'version', p.version,
    'created_at', p.created_at,
    'updated_at', p.updated_at);

-- Write the history of every result, and tell the world about every change.
create function ledger.announce(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        payment_id, version, kind, from_status, to_status, disposition, result_id, detail,
        occurred_at)
    select v.payment_id, v.version, v.kind, v.from_status, v.to_status,
        case when v.to_status is null then v.outcome else 'applied' end, v.result_id,
        jsonb_strip_nulls(jsonb_build_object(
            'attempt_id', v.attempt_id, 'seq', v.seq, 'evidence', v.evidence,
            'amount', v.amount::text, 'currency', v.currency,
            'provider_reference', v.provider_reference, 'failure', v.failure,
            'next_action', v.next_action, 'reason', v.reason, 'next_check_at', v.next_check_at,
            'posting', v.posting, 'tx_id', v.tx_id, 'fee_tx_id', v.fee_tx_id)),
        v.occurred_at
    from unnest(p_verdicts) v
    order by v.place;

    insert into outbox (topic, key, headers, body)
    select 'payments.events', p.payment_id::text,
        jsonb_strip_nulls(jsonb_build_object(
            'ce_specversion', '1.0',
            'ce_id', event_id,
            'ce_type', 'cift.payment_event.v1',
            'ce_source', '/ledger',
            'ce_time', to_json(v.occurred_at) #>> '{}',
            'ce_subject', p.payment_id,
            'content-type', 'application/json',
            'traceparent', v.traceparent)),
        convert_to(json_build_object(
            'schema_version', 1,
            'kind', 'payment_event',
            'event_id', event_id,
            'type', 'payment.' || p.status,
            'payment_id', p.payment_id,
            'merchant_id', p.merchant_id,
            'version', p.version,
            'occurred_at', v.occurred_at,
            'payment', payment_json(p, c.unit))::text, 'UTF8')
    from unnest(p_verdicts) v
    join payment p on p.payment_id = v.payment_id
    join currency c on c.code = p.currency
    cross join lateral (select p.payment_id || '.' || p.version as event_id) name
    where v.changed
    order by v.place;

    perform pg_notify('cift_payment', v.payment_id::text)
    from unnest(p_verdicts) v
    where v.changed;
end
$$;

-- Write the heads of the round's transactions; their entries follow when all rounds are judged.
create function ledger.open_transactions(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into ledger_tx (tx_id, kind, ref, payment_id, effective_at)
    select tx.tx_id, tx.kind, v.payment_id::text, v.payment_id, v.occurred_at
    from unnest(p_verdicts) v
    cross join lateral (values (v.tx_id, v.posting), (v.fee_tx_id, 'provider_fee')) tx (tx_id, kind)
    where tx.tx_id is not null;
end
$$;

-- Accounts that few payments need: made when the first one does.
create function ledger.open_rare_accounts(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform open_account(tenant, code)
    from (
        select distinct house_tenant(p.livemode) as tenant, needed.code
        from unnest(p_verdicts) v
        join payment p on p.payment_id = v.payment_id
        cross join lateral (values
            ('provider:' || p.method || ':' || v.currency, v.posting = 'suspense'),
            ('suspense:' || p.method || ':' || v.currency, v.posting = 'suspense'),
            ('provider-costs:' || p.method || ':' || p.currency, v.fee_tx_id is not null)
        ) needed (code, wanted)
        where needed.wanted
        order by tenant, code
    ) missing;
end
$$;

create function ledger.house_account(p_livemode boolean, p_code text) returns bigint
language sql stable
set search_path = ledger, pg_temp
as $$
    select account_id from account where tenant = house_tenant(p_livemode) and code = p_code
$$;

-- The entries of every transaction, and the holds that end.
create function ledger.movements(p_verdicts ledger.verdict[]) returns ledger.movement[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    moves movement[];
begin
    with ended as (
        update hold
        set state = case v.to_status
                when 'completed' then 'captured' when 'expired' then 'expired' else 'released' end,
            ended_at = v.occurred_at
        from unnest(p_verdicts) v
        where v.payment_type <> 'deposit'
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
          and hold.payment_id = v.payment_id
          and hold.state = 'held'
        returning v.place, hold.account_id, hold.amount
    ),
    legs as (
        -- a deposit raises what the provider holds, the other two lower it
        select v.place, leg.seq, v.tx_id, leg.account_id, leg.amount, p.currency
        from unnest(p_verdicts) v
        join payment p on p.payment_id = v.payment_id
        cross join lateral (values
            (1, p.provider_account_id, case p.type when 'deposit' then p.minor else -p.minor end),
            (2, p.customer_account_id,
                case p.type when 'deposit' then -p.net_minor else p.net_minor end),
            (3, p.fees_account_id, case p.type when 'refund' then p.fee_minor else -p.fee_minor end)
        ) leg (seq, account_id, amount)
        where v.posting = 'settlement' and leg.amount <> 0
        union all
        select v.place, leg.seq, v.tx_id,
            house_account(p.livemode, leg.kind || ':' || p.method || ':' || v.currency),
            leg.sign * case p.type when 'deposit' then v.amount else -v.amount end, v.currency
        from unnest(p_verdicts) v
        join payment p on p.payment_id = v.payment_id
        cross join (values (1, 'provider', 1), (2, 'suspense', -1)) leg (seq, kind, sign)
        where v.posting = 'suspense'
        union all
        select v.place, leg.seq, v.fee_tx_id,
            case leg.kind when 'provider' then p.provider_account_id else
                house_account(p.livemode, 'provider-costs:' || p.method || ':' || p.currency) end,
            leg.sign * v.provider_fee, p.currency
        from unnest(p_verdicts) v
        join payment p on p.payment_id = v.payment_id
        cross join (values (4, 'provider-costs', 1), (5, 'provider', -1)) leg (seq, kind, sign)
        where v.fee_tx_id is not null
    )
    select array_agg(row(place, seq, tx_id, account_id, amount, currency, released)::movement
                     order by place, seq)
    into moves
    from (
        select place, seq, tx_id, account_id, amount, currency, 0 as released from legs
        union all
        select place, 0, null, account_id, 0, null, amount from ended
    ) movement;
    return moves;
end
$$;

-- Write the entries and bring the balances up to them.
create function ledger.post(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    moves movement[];
    touched bigint;
    expected bigint;
begin
    if exists (select from unnest(p_verdicts) v
               where v.posting = 'suspense' or v.fee_tx_id is not null) then
        perform open_rare_accounts(p_verdicts);
    end if;

    moves := movements(p_verdicts);
    if moves is null then
        return;
    end if;

    perform 1
    from balance
    where account_id = any (array(select m.account_id from unnest(moves) m))
    order by house, account_id
    for no key update;

    insert into entry (tx_id, seq, account_id, amount, currency, balance_after, account_version)
    select m.tx_id, m.seq, m.account_id, m.amount, m.currency,
        b.posted + sum(m.amount) over account_so_far,
        b.version + row_number() over account_so_far
    from unnest(moves) m
    join balance b on b.account_id = m.account_id
    where m.tx_id is not null
    window account_so_far as (
        partition by m.account_id order by m.place, m.seq rows unbounded preceding)
    order by m.place, m.seq;

    update balance b
    set posted = b.posted + total.amount,
        held = b.held - total.released,
        version = b.version + total.entries
    from (
        select m.account_id, sum(m.amount) as amount, sum(m.released) as released,
            count(m.tx_id) as entries
        from unnest(moves) m
        group by m.account_id
    ) total
    where b.account_id = total.account_id;

    -- a set-wise update drops rows without a word; compare
    get diagnostics touched = row_count;
    select count(distinct m.account_id) into expected from unnest(moves) m;
    if touched <> expected then
        raise exception '% balances to change, % changed', expected, touched
            using errcode = 'data_corrupted';
    end if;
end
$$;

-- Apply a batch of results: `p_results` is a JSON array of messages.PaymentResult,
-- `p_traceparents` (or null) the trace each came with, in the same order.
--
-- Answers one row a result, `place` counting from 1: applied, noted, duplicate, stale, conflict or
-- unknown_payment. A result that sends its payment to people is a conflict to the caller, and
-- applied in the payment's history. Calling it again with any of the same results changes nothing.
create function ledger.apply_results(p_results jsonb, p_traceparents text[] default null)
returns table (place integer, result_id text, outcome text)
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
as $$
declare
    batch verdict[] := read_results(p_results, p_traceparents);
    verdicts verdict[];
    all_verdicts verdict[] := '{}';
    rounds integer;
begin
    perform lock_payments(batch);
    batch := rank_results(batch);
    return query
        select b.place, b.result_id, b.outcome from unnest(batch) b where b.round is null;
    select coalesce(max(b.round), 0) into rounds from unnest(batch) b;
    for this_round in 1 .. rounds loop
        verdicts := judge(batch, this_round);
        perform move(verdicts);
        perform announce(verdicts);
        perform open_transactions(verdicts);
        all_verdicts := all_verdicts || verdicts;
    end loop;
    perform post(all_verdicts);
    return query select v.place, v.result_id, v.outcome from unnest(all_verdicts) v;
end
$$;

reset role;
