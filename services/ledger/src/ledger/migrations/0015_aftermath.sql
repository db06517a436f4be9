-- What happens to a completed payment afterwards: the money came back (`reversed`), or the payer
-- had the bank take a deposit back (`disputed`). The payment stays completed; what went back is
-- counted beside it.
--
-- Such news are rare and touch what no batch should wait for, so they come one by one, through
-- ledger.apply_aftermath.

set local role cift_ledger_owner;

-- What we know of a dispute: totals, which only ever grow, and where it stands. What is posted of
-- it is the difference between two states of its row.
create table ledger.dispute (
    method               text not null,
    reference            text not null,  -- the provider's id of it
    payment_id           uuid not null references ledger.payment,
    status               text not null,  -- the provider's word
    reason               text not null,
    minor                numeric(38, 0) not null check (minor >= 0),  -- contested
    currency             text not null references ledger.currency,
    withdrawn_minor      numeric(38, 0) not null default 0,  -- taken back from us
    reinstated_minor     numeric(38, 0) not null default 0,  -- given back to us
    money_currency       text not null references ledger.currency,  -- of these two
    fee_minor            numeric(38, 0) not null default 0,
    fee_reinstated_minor numeric(38, 0) not null default 0,
    fee_currency         text references ledger.currency,
    lost_minor           numeric(38, 0) not null default 0,  -- given up for good
    evidence_due_by      timestamptz,
    closed               text check (closed in ('won', 'lost', 'canceled')),
    opened_at            timestamptz not null,
    updated_at           timestamptz not null,  -- of the newest news
    primary key (method, reference)
);

create index dispute_by_payment on ledger.dispute (payment_id);

create trigger dispute_never_deleted
    before delete on ledger.dispute
    for each row execute function ledger.refuse_change();
create trigger dispute_no_truncate
    before truncate on ledger.dispute
    for each statement execute function ledger.refuse_change();

-- Common to both ---------------------------------------------------------------------------------

create function ledger.house_account_made(p_payment ledger.payment, p_kind text, p_currency text)
returns bigint
language sql volatile
return ledger.open_account(
    ledger.house_tenant(p_payment.livemode),
    p_kind || ':' || p_payment.method || ':' || p_currency);

-- What an account could still give, under its lock.
create function ledger.available(p_account_id bigint) returns numeric
language sql stable
return (
    select greatest(0, normal * posted - held - coalesce(floor, 0))
    from ledger.balance where account_id = p_account_id);

-- Keep the news in the payment's history, and tell the world when it changed the payment.
-- Answers what became of it.
create function ledger.record_aftermath(
    p_told ledger.told, p_position bigint, p_disposition text, p_reason text, p_posting text
) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, disposition, result_id, detail, reason,
        posting, occurred_at)
    select p_position, payment_id, version, p_told.kind, status, p_disposition, p_told.result_id,
        p_told.detail, p_reason, p_posting, p_told.occurred_at
    from payment where payment_id = p_told.payment_id;
    if p_disposition = 'applied' then
        perform announce_payment(nextval('ledger.outbox_id_seq'), p_told.payment_id,
            'payment.' || p_told.kind, p_told.occurred_at, p_told.traceparent);
        perform pg_notify('cift_payment', p_told.payment_id::text);
    end if;
    return p_disposition;
end
$$;

-- News of a payment that is not completed. Nothing can be posted: we don't know of the money that
-- it speaks of. Where the payment was still under way, people must look before it goes on.
create function ledger.refuse_aftermath(p_told ledger.told, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    why text := p_told.kind || '_before_settled';
begin
    if p_payment.status not in ('pending', 'processing', 'requires_action') then
        return record_aftermath(p_told, draw_position(), 'conflict', why, null);
    end if;
    update payment
    set status = 'in_review', version = version + 1, next_action = null, next_check_at = null,
        updated_at = greatest(updated_at, p_told.occurred_at)
    where payment_id = p_payment.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, reason, occurred_at)
    values (
        draw_position(), p_payment.payment_id, p_payment.version + 1, p_told.kind, p_payment.status,
        'in_review', 'applied', p_told.result_id, p_told.detail, why, p_told.occurred_at);
    perform announce_payment(nextval('ledger.outbox_id_seq'), p_payment.payment_id,
        'payment.in_review', p_told.occurred_at, p_told.traceparent);
    perform pg_notify('cift_payment', p_payment.payment_id::text);
    return 'conflict';
end
$$;

-- Reversals --------------------------------------------------------------------------------------

-- The settlement of a withdrawal or a refund, the other way round.
create function ledger.mirror_legs(p_payment ledger.payment) returns ledger.leg[]
language sql immutable
return array[
    row(p_payment.provider_account_id, p_payment.minor)::ledger.leg,
    row(p_payment.customer_account_id, -p_payment.net_minor)::ledger.leg,
    row(p_payment.fees_account_id,
        case p_payment.type when 'refund' then -1 else 1 end * p_payment.fee_minor)::ledger.leg]
    || case when p_payment.merchant_account_id is null then '{}' else array[
        row(p_payment.merchant_account_id,
            case p_payment.type when 'refund' then 1 else -1 end * p_payment.fee_minor
        )::ledger.leg] end;

-- A deposit that went back: the customer gives what the customer still has of it, our fee goes with
-- it, and the rest is our loss. What refunds took or will take is not asked for again.
-- Must be called under the locks.
create function ledger.deposit_reversal_legs(p_payment ledger.payment, p_losses bigint)
returns ledger.leg[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    by_merchant boolean := p_payment.merchant_account_id is not null;
    fee numeric;
    own numeric;
begin
    select p_payment.fee_minor - coalesce(sum(refund.fee_minor), 0),
        p_payment.net_minor - coalesce(sum(refund.net_minor), 0)
    into fee, own
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_payment.payment_id
      and hold.state in ('held', 'captured')
      and refund.reversed_minor = 0;
    own := least(own, available(p_payment.customer_account_id));
    return array[
        row(p_payment.provider_account_id, -p_payment.minor)::leg,
        row(p_payment.customer_account_id, own)::leg,
        row(p_payment.fees_account_id, fee)::leg,
        row(p_losses, p_payment.minor - own - case when by_merchant then 0 else fee end)::leg]
        || case when by_merchant then array[row(p_payment.merchant_account_id, -fee)::leg]
           else '{}' end;
end
$$;

-- Why a reversal can't be booked as it was told; null when it can.
create function ledger.reversal_conflict(p_told ledger.told, p_payment ledger.payment) returns text
language sql stable
return case
    when (p_told.amount, p_told.currency) is distinct from (p_payment.minor, p_payment.currency)
        then 'reversal_amount_mismatch'
    when exists (
        select from ledger.receipt r
        where r.method = p_payment.method and r.reference = p_told.provider_reference
          and r.payment_id <> p_payment.payment_id) then 'provider_reference_reused' end;

-- The money of a completed payment came back, all of it and once.
create function ledger.reverse_payment(p_told ledger.told, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    conflict text := reversal_conflict(p_told, p_payment);
    losses bigint;
    place bigint;
begin
    if conflict is not null or p_payment.reversed_minor > 0 then
        return record_aftermath(p_told, draw_position(),
            case when conflict is null then 'duplicate' else 'conflict' end, conflict, null);
    end if;
    if p_payment.type = 'deposit' then
        losses := house_account_made(p_payment, 'losses', p_payment.currency);
    end if;
    perform lock_balances(array[
        p_payment.customer_account_id, p_payment.provider_account_id, p_payment.fees_account_id,
        p_payment.merchant_account_id, losses]);
    place := draw_position();
    perform write_transaction(place, 0, 'reversal', p_payment.payment_id::text,
        p_payment.payment_id, p_told.occurred_at,
        case p_payment.type when 'deposit' then deposit_reversal_legs(p_payment, losses)
            else mirror_legs(p_payment) end);
    insert into receipt (method, reference, payment_id)
    select p_payment.method, p_told.provider_reference, p_payment.payment_id
    where p_told.provider_reference is not null
    on conflict do nothing;
    update payment
    set reversed_minor = minor, version = version + 1,
        updated_at = greatest(updated_at, p_told.occurred_at)
    where payment_id = p_payment.payment_id;
    update payment set refunded_minor = refunded_minor - p_payment.minor
    where payment_id = p_payment.parent_payment_id;
    return record_aftermath(p_told, place, 'applied', null, 'reversal');
end
$$;

-- Disputes ---------------------------------------------------------------------------------------

-- A dispute after this news. Totals never shrink; the words are those of the newest news, whatever
-- order they come in.
create function ledger.dispute_after(
    p_before ledger.dispute, p_told ledger.told, p_payment ledger.payment
) returns ledger.dispute
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    news jsonb := p_told.detail->'dispute';
    after dispute := p_before;
begin
    if p_before.reference is null or p_told.occurred_at >= p_before.updated_at then
        after.status := news->>'status';
        after.reason := news->>'reason';
        after.minor := (news #>> '{amount,minor}')::numeric;
        after.currency := news #>> '{amount,currency}';
        after.evidence_due_by := (news->>'evidence_due_by')::timestamptz;
        after.closed := coalesce(news->>'closed', p_before.closed);
    end if;
    after.closed := coalesce(after.closed, news->>'closed');  -- it does not open again
    after.method := p_payment.method;
    after.reference := news->>'reference';
    after.payment_id := p_payment.payment_id;
    after.money_currency := coalesce(p_before.money_currency,
        news #>> '{withdrawn,currency}', news #>> '{reinstated,currency}', after.currency);
    after.fee_currency := coalesce(p_before.fee_currency, news #>> '{fee,currency}');
    after.withdrawn_minor := greatest(
        p_before.withdrawn_minor, (news #>> '{withdrawn,minor}')::numeric, 0);
    after.reinstated_minor := greatest(
        p_before.reinstated_minor, (news #>> '{reinstated,minor}')::numeric, 0);
    after.fee_minor := greatest(p_before.fee_minor, (news #>> '{fee,minor}')::numeric, 0);
    after.fee_reinstated_minor := greatest(
        p_before.fee_reinstated_minor, (news #>> '{fee_reinstated,minor}')::numeric, 0);
    after.lost_minor := coalesce(p_before.lost_minor, 0);
    if after.closed = 'lost' and after.lost_minor = 0 then
        after.lost_minor := greatest(0, after.withdrawn_minor - after.reinstated_minor);
    end if;
    after.opened_at := coalesce(p_before.opened_at, p_told.occurred_at);
    after.updated_at := p_before.updated_at;
    if after is distinct from p_before then
        after.updated_at := greatest(p_before.updated_at, p_told.occurred_at);
    end if;
    return after;
end
$$;

-- Why the news can't be booked as it was told; null when it can.
create function ledger.dispute_conflict(
    p_before ledger.dispute, p_after ledger.dispute, p_told ledger.told
) returns text
language sql immutable
return case
    when p_after.payment_id <> p_before.payment_id then 'dispute_of_another_payment'
    when p_after.money_currency <> any (array[
            p_told.detail #>> '{dispute,withdrawn,currency}',
            p_told.detail #>> '{dispute,reinstated,currency}'])
        or p_after.fee_currency <> any (array[
            p_told.detail #>> '{dispute,fee,currency}',
            p_told.detail #>> '{dispute,fee_reinstated,currency}'])
        then 'dispute_currency_mismatch' end;

-- One posting of a dispute. The first of its kind is named by the dispute, a later one (the
-- provider took more) by the new total as well.
create type ledger.dispute_posting as (
    kind   text,
    ref    text,
    amount numeric,
    debit  bigint,
    credit bigint
);

-- Where the money of a dispute is booked.
create type ledger.dispute_accounts as (
    disputes       bigint,
    losses         bigint,
    provider_costs bigint,  -- in the fee's currency, as the next
    fee_provider   bigint,
    provider       bigint
);

create function ledger.dispute_accounts_made(p_payment ledger.payment, p_dispute ledger.dispute)
returns ledger.dispute_accounts
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    accounts dispute_accounts;
begin
    accounts.disputes := house_account_made(p_payment, 'disputes', p_dispute.money_currency);
    accounts.losses := house_account_made(p_payment, 'losses', p_dispute.money_currency);
    if p_dispute.fee_minor > 0 then
        accounts.provider_costs :=
            house_account_made(p_payment, 'provider-costs', p_dispute.fee_currency);
        accounts.fee_provider := house_account_made(p_payment, 'provider', p_dispute.fee_currency);
    end if;
    accounts.provider := house_account_made(p_payment, 'provider', p_dispute.money_currency);
    return accounts;
end
$$;

-- What is to be posted so that the books follow a dispute from one state to the next, in order; the
-- loss comes apart, because the customer has a share in it. What the provider takes or gives back
-- once the money was given up raises or lowers our losses.
create function ledger.dispute_postings(
    p_before ledger.dispute, p_after ledger.dispute, p_accounts ledger.dispute_accounts
) returns setof ledger.dispute_posting
language sql immutable
begin atomic
    select kind,
        p_after.reference || suffix || case when coalesce(total_before, 0) > 0
            then ':' || total else '' end,
        total - coalesce(total_before, 0), debit, credit
    from (values
        (1, 'dispute_withdrawn', '', p_before.withdrawn_minor, p_after.withdrawn_minor,
            case when p_before.lost_minor > 0 then p_accounts.losses else p_accounts.disputes end,
            p_accounts.provider),
        (2, 'dispute_fee', '', p_before.fee_minor, p_after.fee_minor,
            p_accounts.provider_costs, p_accounts.fee_provider),
        (3, 'dispute_reinstated', '', p_before.reinstated_minor, p_after.reinstated_minor,
            p_accounts.provider,
            case when p_before.lost_minor > 0 then p_accounts.losses else p_accounts.disputes end),
        (4, 'dispute_reinstated', ':fee', p_before.fee_reinstated_minor,
            p_after.fee_reinstated_minor, p_accounts.fee_provider, p_accounts.provider_costs)
    ) step (place, kind, suffix, total_before, total, debit, credit)
    where total > coalesce(total_before, 0)
    order by place;
end;

-- The hold that keeps a customer from spending what the payer wants back: as much of it as there
-- is, where the provider took it in the customer's currency. Must be called under the locks.
create function ledger.hold_disputed(
    p_payment ledger.payment, p_dispute ledger.dispute, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    wanted numeric := least(
        p_dispute.withdrawn_minor - p_dispute.reinstated_minor,
        available(p_payment.customer_account_id));
begin
    if wanted > 0 and p_dispute.money_currency = p_payment.currency then
        perform hold_funds('dispute:' || p_dispute.method || ':' || p_dispute.reference,
            p_payment.customer_account_id, wanted, p_dispute.reason, p_at);
    end if;
end
$$;

-- The end of a dispute for the customer: what is held is free again, or, when the money is lost,
-- pays for it as far as it goes; the rest is our loss. Must be called under the locks.
create function ledger.settle_dispute(
    p_position bigint, p_k integer, p_payment ledger.payment, p_dispute ledger.dispute,
    p_accounts ledger.dispute_accounts, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    held hold;
    share numeric;
begin
    select * into held from hold
    where hold_key = 'dispute:' || p_dispute.method || ':' || p_dispute.reference
      and state = 'held';
    share := least(coalesce(held.amount, 0), p_dispute.lost_minor);
    if held.hold_id is not null then
        perform end_hold(held.hold_id, case when share > 0 then 'captured' else 'released' end,
            nullif(share, 0), p_at);
    end if;
    if p_dispute.lost_minor > 0 then
        perform write_transaction(p_position, p_k, 'dispute_lost', p_dispute.reference,
            p_payment.payment_id, p_at, array[
                row(p_accounts.disputes, -p_dispute.lost_minor)::leg,
                row(p_payment.customer_account_id, share)::leg,
                row(p_accounts.losses, p_dispute.lost_minor - share)::leg]);
    end if;
end
$$;

-- Bring the books from one state of a dispute to the next; answers the position.
create function ledger.post_dispute(
    p_before ledger.dispute, p_after ledger.dispute, p_payment ledger.payment, p_at timestamptz
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    accounts dispute_accounts := dispute_accounts_made(p_payment, p_after);
    posting dispute_posting;
    place bigint;
    k integer := 0;
begin
    perform lock_balances(array[accounts.disputes, accounts.losses, accounts.provider_costs,
        accounts.fee_provider, accounts.provider, p_payment.customer_account_id]);
    place := draw_position();
    for posting in select * from dispute_postings(p_before, p_after, accounts) loop
        perform write_transaction(place, k, posting.kind, posting.ref, p_payment.payment_id, p_at,
            array[row(posting.debit, posting.amount)::leg,
                  row(posting.credit, -posting.amount)::leg]);
        k := k + 1;
    end loop;
    if coalesce(p_before.withdrawn_minor, 0) = 0 and p_after.withdrawn_minor > 0 then
        perform hold_disputed(p_payment, p_after, p_at);
    end if;
    if coalesce(p_before.lost_minor, 0) = 0 and (
           p_after.closed is not null
           or (p_after.withdrawn_minor > 0 and p_after.reinstated_minor >= p_after.withdrawn_minor))
    then
        perform settle_dispute(place, k, p_payment, p_after, accounts, p_at);
    end if;
    return place;
end
$$;

-- Write a dispute as it is now, and how much of its payment disputes have taken.
create function ledger.store_dispute(p_after ledger.dispute, p_at timestamptz) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into dispute select p_after.*
    on conflict (method, reference) do update
    set status = excluded.status, reason = excluded.reason, minor = excluded.minor,
        currency = excluded.currency, withdrawn_minor = excluded.withdrawn_minor,
        reinstated_minor = excluded.reinstated_minor, fee_minor = excluded.fee_minor,
        fee_reinstated_minor = excluded.fee_reinstated_minor, fee_currency = excluded.fee_currency,
        lost_minor = excluded.lost_minor, evidence_due_by = excluded.evidence_due_by,
        closed = excluded.closed, updated_at = excluded.updated_at;
    update payment p
    set version = version + 1, updated_at = greatest(updated_at, p_at),
        disputed_minor = (select sum(disputed(d, p.currency)) from dispute d
                          where d.payment_id = p.payment_id)
    where p.payment_id = p_after.payment_id;
end
$$;

-- What a dispute takes from its payment, in the payment's currency.
create function ledger.disputed(p_dispute ledger.dispute, p_currency text) returns numeric
language sql immutable
return case
    when p_dispute.withdrawn_minor <= p_dispute.reinstated_minor then 0
    when p_dispute.money_currency = p_currency
        then p_dispute.withdrawn_minor - p_dispute.reinstated_minor
    when p_dispute.currency = p_currency then p_dispute.minor
    else 0 end;

-- A payer disputes a completed deposit, or something new happened to a dispute.
create function ledger.dispute_payment(p_told ledger.told, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    before dispute;
    after dispute;
    conflict text;
    place bigint;
begin
    select * into before from dispute
    where method = p_payment.method and reference = p_told.detail #>> '{dispute,reference}';
    after := dispute_after(before, p_told, p_payment);
    conflict := case when p_payment.type <> 'deposit' then 'dispute_of_no_deposit'
        else dispute_conflict(before, after, p_told) end;
    if conflict is not null then
        return record_aftermath(p_told, draw_position(), 'conflict', conflict, null);
    end if;
    if after is not distinct from before then
        return record_aftermath(p_told, draw_position(),
            case when p_told.occurred_at < before.updated_at then 'stale' else 'duplicate' end,
            null, null);
    end if;
    place := post_dispute(before, after, p_payment, p_told.occurred_at);
    perform store_dispute(after, p_told.occurred_at);
    return record_aftermath(p_told, place, 'applied', null, 'dispute');
end
$$;

-- Apply one result of what happened after a payment's end: `p_result` is a messages.PaymentResult
-- of kind `reversed` or `disputed`. Answers what became of it, in the words of apply_results.
create function ledger.apply_aftermath(p_result jsonb, p_traceparent text default null) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan  -- plans are shared with apply_results: see 0009
set enable_seqscan = off
set enable_nestloop = off
as $$
declare
    told told[] := read_results(jsonb_build_array(p_result), array[p_traceparent]);
    target payment;
begin
    if told[1].kind not in ('reversed', 'disputed') then
        raise exception 'apply_aftermath takes reversed and disputed, not %', told[1].kind
            using errcode = 'invalid_parameter_value';
    end if;
    perform lock_payments(told);
    select * into target from payment
    where payment_id = told[1].payment_id and method = told[1].method;
    if not found then
        return 'unknown_payment';
    end if;
    if exists (select from payment_event where result_id = told[1].result_id) then
        return 'duplicate';
    end if;
    if target.status <> 'completed' then
        return refuse_aftermath(told[1], target);
    end if;
    return case told[1].kind when 'reversed' then reverse_payment(told[1], target)
        else dispute_payment(told[1], target) end;
end
$$;

-- Rights -----------------------------------------------------------------------------------------

grant select on ledger.dispute to cift_ledger, cift_gateway;
grant execute on function ledger.apply_aftermath(jsonb, text) to cift_ledger;

reset role;
