-- The one writer of results: ledger.apply_results takes a batch as the workers sent it and moves
-- payments, holds, balances and entries set-wise. A batch is exactly the same as its results one by
-- one, in their order; where it is cut changes nothing.
--
--   read_results   JSON -> rows
--   lock_payments  parents of refunds included, in the order of their ids
--   rank_results   which are new, and which come first where one payment has several
--   in rounds, each with at most one result a payment:
--     judge        what each result means for its payment: pure reading, no writing
--     move         payments, and the deposits they refund
--     announce     outbox, notification
--   post           balances are locked, each result draws its position in the log; then history,
--                  entries, transactions. This comes at the very end because every other writer
--                  waits for those balances from here to the commit, and only once, so that two
--                  writers can't each hold what the other one needs.
--
-- What is surprising in business terms is an outcome of its row. An exception means that our own
-- books contradict themselves (a constraint spoke), and takes the whole batch back; the caller
-- halves the batch until the row that causes it stands alone.
--
-- Arrays of composites carry the rows from step to step: in the size of a batch they are faster
-- than temporary tables. The planner knows neither their length nor, after a busy minute, that of
-- the tables; so every table is read by `key = any (array(...))`, which can only be an index
-- scan, and apply_results leaves hash joins as the only way to put both together.

set local role cift_ledger_owner;

-- A result as it was sent.
create type ledger.told as (
    place                 integer,  -- in the batch, from 1
    detail                jsonb,    -- all of it
    traceparent           text,
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
    card                  jsonb,
    next_check_at         timestamptz
);

-- When a result has its turn; an array of these goes with one of results, place by place.
create type ledger.turn as (
    outcome   text,     -- null, or known without judging it
    round     integer,  -- null when the outcome is known
    outbox_id bigint    -- for the event it may cause: events leave in the order of their results
);

-- What is made of a result, with what must be known of its payment to carry it out.
create type ledger.verdict as (
    -- the result
    place                 integer,
    outbox_id             bigint,
    detail                jsonb,
    traceparent           text,
    result_id             text,
    payment_id            uuid,
    attempt_id            uuid,
    seq                   integer,
    kind                  text,
    occurred_at           timestamptz,
    amount                numeric,
    currency              text,
    provider_fee          numeric,  -- this and the reference: what the payment learns from it
    provider_fee_currency text,
    provider_reference    text,
    failure               jsonb,
    next_action           jsonb,
    card                  jsonb,
    next_check_at         timestamptz,
    -- the payment
    type                  text,
    method                text,
    livemode              boolean,
    minor                 numeric,
    fee_minor             numeric,
    net_minor             numeric,
    parent_payment_id     uuid,
    customer_account_id   bigint,
    provider_account_id   bigint,
    fees_account_id       bigint,
    merchant_account_id   bigint,
    -- what follows
    outcome               text,
    from_status           text,
    to_status             text,     -- null: the status stays
    version               integer,  -- of the payment, afterwards
    changed               boolean,  -- the merchant can see a difference
    posting               text,     -- settlement, suspense or null
    posts_fee             boolean,  -- there is a provider's fee to post
    counts                boolean,  -- the payment learns from it, if only when to look again
    reason                text      -- why, where it is not plain
);

create function ledger.read_results(p_results jsonb, p_traceparents text[])
returns ledger.told[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(
        sent.place, sent.detail, sent.traceparent, r.result_id, r.payment_id, r.attempt_id, r.seq,
        r.kind, r.method, r.occurred_at,
        (r.amount->>'minor')::numeric, r.amount->>'currency',
        (r.provider_fee->>'minor')::numeric, r.provider_fee->>'currency',
        r.provider_reference, r.failure, r.next_action, r.card, r.next_check_at
        )::told order by sent.place)
    from rows from (jsonb_array_elements(p_results), unnest(p_traceparents))
        with ordinality as sent (detail, traceparent, place)
    cross join lateral jsonb_to_record(sent.detail) as r (
        result_id text, payment_id uuid, attempt_id uuid, seq integer, kind text, method text,
        occurred_at timestamptz, amount jsonb, provider_fee jsonb, provider_reference text,
        failure jsonb, next_action jsonb, card jsonb, next_check_at timestamptz)
);
end
$$;

-- A payment that a batch may change, locked.
create type ledger.locked as (
    payment_id        uuid,
    method            text,
    parent_payment_id uuid
);

-- Serialise everybody who wants one of these payments, in one order.
create function ledger.lock_payments(p_batch ledger.told[]) returns ledger.locked[]
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(payment_id, method, parent_payment_id)::locked)
    from (
        select payment_id, method, parent_payment_id
        from payment
        where payment_id = any (array(
            select b.payment_id from unnest(p_batch) b
            union
            select child.parent_payment_id
            from unnest(p_batch) b
            join payment child on child.payment_id = b.payment_id
            where child.parent_payment_id is not null
              and child.payment_id = any (array(select payment_id from unnest(p_batch)))))
        order by payment_id
        for no key update
    ) in_order
);
end
$$;

-- True when results of two payments touch each other: both name one receipt, or one payment
-- refunds the other.
create function ledger.is_entangled(p_batch ledger.told[], p_locked ledger.locked[])
returns boolean
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return exists (
    select from unnest(p_batch) b
    where b.provider_reference is not null
    group by b.method, b.provider_reference
    having count(distinct b.payment_id) > 1
) or exists (
    select from unnest(p_locked) child
    where child.parent_payment_id in (select b.payment_id from unnest(p_batch) b)
);
end
$$;

-- Known outcomes (no such payment, seen before) and the round of every other result: results of
-- one payment in their order; one by one where payments are entangled.
create function ledger.rank_results(p_batch ledger.told[], p_locked ledger.locked[])
returns ledger.turn[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    one_by_one boolean := is_entangled(p_batch, p_locked);
begin
return (
    select array_agg(row(
        known,
        case when known is not null then null when one_by_one then place else turn end,
        case when known is null then nextval('ledger.outbox_id_seq') end)::turn)
    from (
        select place, known,
            row_number() over (
                partition by payment_id, known is null order by place) as turn
        from (
            select b.place, b.payment_id,
                case
                    when p.payment_id is null then 'unknown_payment'
                    when row_number() over (
                            partition by b.result_id, p.payment_id is null order by b.place) > 1
                         or exists (select from payment_event e where e.result_id = b.result_id)
                        then 'duplicate'
                end as known
            from unnest(p_batch) b
            left join unnest(p_locked) p on p.payment_id = b.payment_id and p.method = b.method
        ) looked_up
        order by place
    ) ranked
);
end
$$;

-- What each result of a round means for its payment. Reads, decides, writes nothing.
create function ledger.judge(
    p_batch ledger.told[], p_turns ledger.turn[], p_round integer
) returns ledger.verdict[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    with facts as (
        select
            b.place, b.outbox_id, b.detail, b.traceparent, b.result_id, b.payment_id, b.attempt_id,
            b.seq,
            b.occurred_at, b.amount, b.currency, b.provider_fee, b.provider_fee_currency,
            b.provider_reference, b.failure, b.next_action, b.card, b.next_check_at,
            b.kind as sent_kind,
            -- a settlement that does not say how much moved settles nothing
            case when b.kind = 'settled' and (
                    coalesce(b.amount, 0) <= 0 or b.currency is null or b.provider_fee < 0
                    or (b.provider_fee is null) <> (b.provider_fee_currency is null))
                then 'conflicting' else b.kind end as kind,
            p.status, p.version, p.type, p.method, p.livemode, p.minor, p.fee_minor, p.net_minor,
            p.parent_payment_id, p.customer_account_id, p.provider_account_id, p.fees_account_id,
            p.merchant_account_id, p.suspense_posted,
            p.status in ('pending', 'processing', 'requires_action') as is_open,
            b.amount = p.minor and b.currency = p.currency as amount_matches,
            coalesce(b.attempt_id = p.attempt_id and b.seq <= p.attempt_seq, false) as overtaken,
            b.provider_reference <> p.provider_reference as other_reference,
            b.provider_fee <> p.provider_fee_minor
                or b.provider_fee_currency <> p.provider_fee_currency as other_fee,
            b.provider_reference is not null and p.provider_reference is null as new_reference,
            b.provider_fee is not null and p.provider_fee_minor is null as new_fee,
            b.card is not null and p.instrument->'card' is null as new_card
        from unnest(p_batch, p_turns) b
        join payment p on p.payment_id = b.payment_id
        where b.round = p_round
          and p.payment_id = any (array(select payment_id from unnest(p_batch)))
    ),
    aimed as (
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
                select from receipt known
                where known.method = facts.method
                  and known.reference = facts.provider_reference
                  and known.payment_id <> facts.payment_id) as reference_taken
        from facts
    ),
    ruled as materialized (
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
                        when new_reference or new_fee or new_card then 'fill'
                        else 'duplicate' end
                    when suspense_posted then 'conflict'  -- resolved by people, too
                    else 'suspend' end

                -- nothing moved, or nobody knows
                when exists (select from payment_transition t
                             where t.from_status = aimed.status and t.to_status = aimed.target)
                    then 'move'
                when status = target then 'duplicate'
                when is_open or status in ('completed', 'in_review') then 'conflict'
                else 'stale'
            end as ruling
        from aimed
    ),
    decided as (
        select ruled.*,
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
            case
                when ruling = 'reused' then 'provider_reference_reused'
                when kind <> sent_kind then 'settlement_unreadable'
                when ruling = 'suspend' and is_open then 'amount_mismatch'
                when ruling = 'suspend' then 'settled_after_' || status
            end as why
        from ruled
    )
    select array_agg(row(
        place, outbox_id, detail, traceparent, result_id, payment_id, attempt_id, seq, sent_kind,
        occurred_at, amount, currency,
        case when believed and new_fee then provider_fee end,
        case when believed and new_fee then provider_fee_currency end,
        case when believed and new_reference then provider_reference end,
        failure, next_action,
        case when believed or kind = 'action_required' then card end,
        next_check_at, type, method, livemode, minor, fee_minor, net_minor, parent_payment_id,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id,
        outcome, status, to_status, version + (to_status is not null or ruling = 'fill')::integer,
        to_status is not null or ruling = 'fill',
        posting, believed and new_fee and provider_fee > 0,
        to_status is not null or believed or (is_open and ruling = 'note'),
        why)::verdict order by place)
    from decided
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
        provider_fee_currency = coalesce(p.provider_fee_currency, v.provider_fee_currency),
        suspense_posted = p.suspense_posted or coalesce(v.posting = 'suspense', false),
        failure = case
            when v.to_status is null then p.failure
            when v.to_status in ('failed', 'expired', 'canceled') then v.failure end,
        next_action = case
            when v.to_status is null then p.next_action
            when v.to_status = 'requires_action' then v.next_action end,
        instrument = case
            when v.card is null then p.instrument
            else coalesce(p.instrument, '{}') || jsonb_build_object('card', v.card) end,
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
      and p.payment_id = any (array(select payment_id from unnest(p_verdicts)))
      and (v.to_status is null or exists (
          select from payment_transition t
          where t.from_status = p.status and t.to_status = v.to_status));

    get diagnostics touched = row_count;
    select count(*) into expected from unnest(p_verdicts) v where v.counts;
    if touched <> expected then
        raise exception '% payments to move, % moved', expected, touched
            using errcode = 'data_corrupted';
    end if;

    insert into receipt (method, reference, payment_id)
    select v.method, v.provider_reference, v.payment_id
    from unnest(p_verdicts) v
    where v.provider_reference is not null;
end
$$;

-- What follows from a payment's new state beside it: whether anybody still has to end it, and what
-- the deposit that it refunds has given back.
create function ledger.move_relations(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    delete from unfinished
    where payment_id = any (array(
        select v.payment_id
        from unnest(p_verdicts) v
        where v.to_status in ('completed', 'failed', 'expired', 'canceled')));

    insert into unfinished
    select v.payment_id
    from unnest(p_verdicts) v
    where v.to_status = 'in_review' and v.from_status in ('failed', 'expired', 'canceled');

    update payment parent
    set refund_pending_minor = parent.refund_pending_minor - refunds.ended,
        refunded_minor = parent.refunded_minor + refunds.completed
    from (
        select v.parent_payment_id,
            sum(v.minor) as ended,
            coalesce(sum(v.minor) filter (where v.to_status = 'completed'), 0) as completed
        from unnest(p_verdicts) v
        where v.type = 'refund'
          and v.from_status in ('pending', 'processing', 'requires_action')
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
        group by v.parent_payment_id
    ) refunds
    where parent.payment_id = refunds.parent_payment_id
      and parent.payment_id = any (array(select parent_payment_id from unnest(p_verdicts)));
end
$$;

-- A payment as merchants see it: the same fields as the API's, so that an event and a GET agree.
create type ledger.payment_shown as (
    id                 uuid,
    type               text,
    method             text,
    status             text,
    amount             text,
    currency           text,
    customer_id        text,
    fee                text,
    net                text,
    payment_method     json,
    next_action        jsonb,
    provider_reference text,
    failure            jsonb,
    estimated_arrival  timestamptz,
    description        text,
    return_url         text,
    metadata           jsonb,
    refunded           text,
    reversed           text,
    disputed           text,
    parent             uuid,
    livemode           boolean,
    version            integer,
    created_at         timestamptz,
    updated_at         timestamptz
);

-- messages.PaymentEvent
create type ledger.event_shown as (
    schema_version integer,
    kind           text,
    event_id       text,
    type           text,
    payment_id     uuid,
    merchant_id    text,
    version        integer,
    occurred_at    timestamptz,
    payment        ledger.payment_shown
);

-- The next functions have no search path of their own and read no table, so that the planner puts
-- them into the statement that uses them: a call for each row would double the cost of an event.

-- What the payer must do, without what is sealed for the gateway.
create function ledger.shown_action(p_action jsonb) returns jsonb
language sql immutable
return (
    select jsonb_object_agg(key, value)
    from jsonb_each(p_action)
    where right(key, 7) <> '_sealed');

-- The instrument without what is sealed for the worker.
create function ledger.shown_instrument(p_instrument jsonb) returns json
language sql stable
return case p_instrument->>'kind'
    when 'card' then json_build_object(
        'kind', 'card',
        'brand', p_instrument->'card'->'brand',
        'last4', p_instrument->'card'->'last4',
        'exp_month', p_instrument->'card'->'exp_month',
        'exp_year', p_instrument->'card'->'exp_year')
    else json_build_object(
        'kind', p_instrument->'kind',
        'phone', p_instrument->'display',
        'country', p_instrument->'country')
    end;

-- The body of an event: a payment as it is now. A row becomes JSON in half the time that
-- json_build_object takes.
create function ledger.event_body(
    p ledger.payment, unit numeric, p_type text, p_occurred_at timestamptz
) returns bytea
language sql stable
return convert_to(row_to_json(row(
    1, 'payment_event', p.payment_id || '.' || p.version, p_type, p.payment_id, p.merchant_id,
    p.version, p_occurred_at,
    row(p.payment_id, p.type, p.method, p.status, p.minor * unit, p.currency, p.customer_id,
        p.fee_minor * unit, p.net_minor * unit, ledger.shown_instrument(p.instrument),
        case when p.next_action is not null then ledger.shown_action(p.next_action) end,
        p.provider_reference, p.failure, p.estimated_arrival, p.description, p.return_url,
        p.metadata, p.refunded_minor * unit, p.reversed_minor * unit, p.disputed_minor * unit,
        p.parent_payment_id, p.livemode, p.version, p.created_at, p.updated_at
    )::ledger.payment_shown)::ledger.event_shown)::text, 'UTF8');

-- The headers of an event: CloudEvents attributes, in binary mode.
create function ledger.event_headers(
    p_payment_id uuid, p_version integer, p_occurred_at timestamptz, p_traceparent text
) returns jsonb
language sql stable
return jsonb_build_object(
    'ce_specversion', '1.0',
    'ce_id', p_payment_id || '.' || p_version,
    'ce_type', 'cift.payment_event.v1',
    'ce_source', '/ledger',
    'ce_time', to_jsonb(p_occurred_at),
    'ce_subject', p_payment_id,
    'content-type', 'application/json')
    || case when p_traceparent is null then '{}'
       else jsonb_build_object('traceparent', p_traceparent) end;

-- Tell the world about every change.
create function ledger.announce(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into outbox (id, topic, key, headers, body)
    overriding system value
    select v.outbox_id, 'payments.events', p.payment_id::text,
        event_headers(p.payment_id, p.version, v.occurred_at, v.traceparent),
        event_body(p, c.unit, 'payment.' || p.status, v.occurred_at)
    from unnest(p_verdicts) v
    join payment p on p.payment_id = v.payment_id
    join currency c on c.code = p.currency
    where v.changed
      and p.payment_id = any (array(select payment_id from unnest(p_verdicts)));

    perform pg_notify('cift_payment', v.payment_id::text)
    from unnest(p_verdicts) v
    where v.changed;
end
$$;

-- The same for one payment, whatever happened to it: `p_type` is `payment.<what>`.
create function ledger.announce_payment(
    p_outbox_id bigint, p_payment_id uuid, p_type text, p_occurred_at timestamptz,
    p_traceparent text
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into outbox (id, topic, key, headers, body)
    overriding system value
    select p_outbox_id, 'payments.events', p.payment_id::text,
        event_headers(p.payment_id, p.version, p_occurred_at, p_traceparent),
        event_body(p, c.unit, p_type, p_occurred_at)
    from payment p
    join currency c on c.code = p.currency
    where p.payment_id = p_payment_id;
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
        select distinct house_tenant(v.livemode) as tenant, needed.code
        from unnest(p_verdicts) v
        cross join lateral (values
            ('provider:' || v.method || ':' || v.currency, v.posting = 'suspense'),
            ('suspense:' || v.method || ':' || v.currency, v.posting = 'suspense'),
            ('provider:' || v.method || ':' || v.provider_fee_currency, v.posts_fee),
            ('provider-costs:' || v.method || ':' || v.provider_fee_currency, v.posts_fee)
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

-- The lines of every transaction. Positions are not drawn yet: `tx_id` is the result's place in the
-- batch times 8, plus the transaction's place among the result's.
create function ledger.lines_of(p_verdicts ledger.verdict[]) returns ledger.posting_line[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return array(
    -- a deposit raises what the provider holds, the other two lower it
    select row(v.place * 8, leg.seq, leg.account_id, leg.amount)::posting_line
    from unnest(p_verdicts) v
    cross join lateral (values
        (1, v.provider_account_id, case v.type when 'deposit' then v.minor else -v.minor end),
        (2, v.customer_account_id,
            case v.type when 'deposit' then -v.net_minor else v.net_minor end),
        (3, v.fees_account_id, case v.type when 'refund' then v.fee_minor else -v.fee_minor end),
        (4, v.merchant_account_id,
            case v.type when 'refund' then -v.fee_minor else v.fee_minor end)
    ) leg (seq, account_id, amount)
    where v.posting = 'settlement' and leg.account_id is not null and leg.amount <> 0
) || array(
    select row(v.place * 8, leg.seq,
        house_account(v.livemode, leg.kind || ':' || v.method || ':' || v.currency),
        leg.sign * case v.type when 'deposit' then v.amount else -v.amount end)::posting_line
    from unnest(p_verdicts) v
    cross join (values (1, 'provider', 1), (2, 'suspense', -1)) leg (seq, kind, sign)
    where v.posting = 'suspense'
) || array(
    select row(v.place * 8 + 1, leg.seq,
        house_account(v.livemode, leg.kind || ':' || v.method || ':' || v.provider_fee_currency),
        leg.sign * v.provider_fee)::posting_line
    from unnest(p_verdicts) v
    cross join (values (1, 'provider-costs', 1), (2, 'provider', -1)) leg (seq, kind, sign)
    where v.posts_fee
);
end
$$;

-- One number of the log for each result, in their order; by place in the batch.
create function ledger.draw_positions(p_verdicts ledger.verdict[]) returns bigint[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    positions bigint[] := '{}';
    this_place integer;
begin
    for this_place in select v.place from unnest(p_verdicts) v loop
        positions[this_place] := draw_position();
    end loop;
    return positions;
end
$$;

-- Write the history of every result.
create function ledger.write_history(p_verdicts ledger.verdict[], p_positions bigint[])
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, reason, posting, occurred_at)
    select p_positions[v.place], v.payment_id, v.version, v.kind, v.from_status, v.to_status,
        case when v.to_status is null then v.outcome else 'applied' end, v.result_id,
        v.detail, v.reason, v.posting, v.occurred_at
    from unnest(p_verdicts) v;
end
$$;

-- End the holds of payments that have ended.
create function ledger.end_holds(p_verdicts ledger.verdict[], p_booked_at timestamptz)
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    with ended as (
        update hold
        set state = case v.to_status
                when 'completed' then 'captured' when 'expired' then 'expired' else 'released' end,
            captured = case v.to_status when 'completed' then hold.amount end,
            ended_at = v.occurred_at,
            end_booked_at = p_booked_at
        from unnest(p_verdicts) v
        where v.type <> 'deposit'
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
          and hold.payment_id = v.payment_id
          and hold.payment_id = any (array(
              select payment_id from unnest(p_verdicts) where type <> 'deposit'))
          and hold.state = 'held'
        returning hold.account_id, hold.amount
    )
    update balance
    set held = balance.held - total.amount
    from (select account_id, sum(amount) as amount from ended group by account_id) total
    where balance.account_id = total.account_id
      and balance.account_id = any (array(
          select customer_account_id from unnest(p_verdicts) where type <> 'deposit'));
end
$$;

-- Write the transactions: their entries first, then their heads.
create function ledger.write_transactions(
    p_verdicts ledger.verdict[], p_lines ledger.posting_line[], p_positions bigint[],
    p_booked_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform write_entries(array(
        select row(p_positions[line.tx_id / 8] * 8 + line.tx_id % 8, line.seq, line.account_id,
                   line.amount)::posting_line
        from unnest(p_lines) line), p_booked_at);
    insert into ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
    select p_positions[v.place] * 8, v.posting, v.payment_id::text, v.payment_id, v.occurred_at,
        p_booked_at
    from unnest(p_verdicts) v
    where v.posting is not null
    union all
    select p_positions[v.place] * 8 + 1, 'provider_fee', v.payment_id::text, v.payment_id,
        v.occurred_at, p_booked_at
    from unnest(p_verdicts) v
    where v.posts_fee;
end
$$;

-- Write history and journal, and bring the balances up to them.
create function ledger.post(p_verdicts ledger.verdict[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    lines posting_line[];
    positions bigint[];
    booked_at timestamptz;
begin
    if exists (select from unnest(p_verdicts) v where v.posting = 'suspense' or v.posts_fee) then
        perform open_rare_accounts(p_verdicts);
    end if;
    lines := lines_of(p_verdicts);

    perform lock_balances(
        array(select distinct line.account_id from unnest(lines) line)
        || array(select v.customer_account_id from unnest(p_verdicts) v
                 where v.type <> 'deposit' and v.to_status is not null));
    positions := draw_positions(p_verdicts);
    booked_at := clock_timestamp();

    perform write_history(p_verdicts, positions);
    perform end_holds(p_verdicts, booked_at);
    if cardinality(lines) > 0 then
        perform write_transactions(p_verdicts, lines, positions, booked_at);
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
set plan_cache_mode = force_generic_plan  -- else a batch of one would be planned at every call
set enable_seqscan = off
set enable_nestloop = off
as $$
declare
    batch told[] := read_results(p_results, p_traceparents);
    turns turn[];
    verdicts verdict[];
    all_verdicts verdict[] := '{}';
    rounds integer;
begin
    if exists (select from unnest(batch) where kind in ('reversed', 'disputed')) then
        raise exception 'what happens after an end goes to apply_aftermath'
            using errcode = 'invalid_parameter_value';
    end if;
    turns := rank_results(batch, lock_payments(batch));
    return query
        select b.place, b.result_id, b.outcome from unnest(batch, turns) b where b.round is null;
    select coalesce(max(t.round), 0) into rounds from unnest(turns) t;
    for this_round in 1 .. rounds loop
        verdicts := judge(batch, turns, this_round);
        continue when verdicts is null;
        perform move(verdicts);
        perform move_relations(verdicts);
        perform announce(verdicts);
        all_verdicts := all_verdicts || verdicts;
    end loop;
    if rounds > 1 then
        all_verdicts := array(select v from unnest(all_verdicts) v order by v.place);
    end if;
    perform post(all_verdicts);
    return query select v.place, v.result_id, v.outcome from unnest(all_verdicts) v;
end
$$;

reset role;
