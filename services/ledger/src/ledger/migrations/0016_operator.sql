-- What people decide: payments in review, corrections, holds placed by hand.
--
-- Each decision is one input of the log (0012), with who made it and why, and one call of a function
-- here; nothing is ever edited. A refusal is SQLSTATE CF020, its message fit to show an operator.

do $$
begin
    begin
        if not exists (select from pg_roles where rolname = 'cift_operator') then
            create role cift_operator nologin;
        end if;
    exception
        when duplicate_object or unique_violation then
            null;  -- the migration of another database was faster
    end;
    grant cift_operator to current_user;
end
$$;

set local role cift_ledger_owner;

-- The moves that people may make; what results may do is ledger.payment_transition.
create table ledger.operator_transition (
    from_status text not null,
    to_status   text not null,
    primary key (from_status, to_status)
);

insert into ledger.operator_transition (from_status, to_status) values
    ('in_review', 'completed'),
    ('in_review', 'failed');

insert into ledger.input_kind (kind, replayed_by) values
    ('resolve', 'resolve'),
    ('correct', 'correct'),
    ('hold_place', 'place_operator_hold'),
    ('hold_capture', 'capture_hold'),
    ('hold_release', 'release_hold');

-- Who decided what, when and why: append-only, as the inputs are.
create view ledger.operator_action as
select position, kind as action, input->>'operator' as operator, input->>'reason' as reason,
    input, (input->>'at')::timestamptz as at
from ledger.input
where input->>'operator' is not null;

-- The amounts a payment was accepted with (they stay in its first event) change in one case only:
-- people complete one in review by what really moved.
create function ledger.refuse_new_amounts() returns trigger
language plpgsql
as $$
begin
    if (old.status, new.status) is distinct from ('in_review', 'completed') then
        raise exception 'the amounts of payment % are fixed', old.payment_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger payment_amounts_are_fixed
    before update of minor, fee_minor, net_minor on ledger.payment
    for each row execute function ledger.refuse_new_amounts();

create function ledger.refuse(p_message text) returns void
language plpgsql
as $$
begin
    raise exception '%', p_message using errcode = 'CF020';
end
$$;

-- Every decision names its maker and its reason.
create function ledger.check_signed(p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    if coalesce(trim(p->>'operator'), '') = '' or coalesce(trim(p->>'reason'), '') = '' then
        perform refuse('who decides, and why? operator and reason are needed');
    end if;
    if p->>'at' is null then
        raise exception 'a decision has a time' using errcode = 'invalid_parameter_value';
    end if;
end
$$;

-- An amount as people read it.
create function ledger.amount_text(p_minor numeric, p_currency text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select (p_minor * unit)::text || ' ' || p_currency from currency where code = p_currency
$$;

-- Refuse what would leave an account with less than its floor; its balance is locked. `p_change` is
-- debit positive, `p_freed` is what a hold that ends now gives back.
create function ledger.check_available(p_account_id bigint, p_change numeric, p_freed numeric)
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    b balance;
    left_over numeric;
begin
    select * into strict b from balance where account_id = p_account_id;
    left_over := b.normal * (b.posted + p_change) - b.held + p_freed;
    if left_over < b.floor then
        perform refuse(format('%s has %s available, %s is missing',
            (select code from account where account_id = p_account_id),
            amount_text(b.normal * b.posted - b.held + greatest(p_freed, 0), b.currency),
            amount_text(b.floor - left_over, b.currency)));
    end if;
end
$$;

-- Payments in review ---------------------------------------------------------------------------

-- What a payment has in suspense: the amount is the entry's, debit positive.
create type ledger.suspended as (account_id bigint, amount numeric, currency text);

create function ledger.suspense_of(p_payment_id uuid) returns ledger.suspended
language sql stable
set search_path = ledger, pg_temp
as $$
    select row(e.account_id, e.amount, e.currency)::suspended
    from ledger_tx tx
    join entry e using (tx_id)
    join account a using (account_id)
    where tx.kind = 'suspense' and tx.ref = p_payment_id::text and a.kind = 'suspense'
$$;

-- The payment as it would be once it completes on the operator's terms, or a refusal.
create function ledger.completed_terms(
    p_payment ledger.payment, p_held ledger.hold, p_suspended ledger.suspended, p jsonb
) returns ledger.payment
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    done payment := p_payment;
begin
    if p_suspended.currency <> p_payment.currency then
        perform refuse(format('what moved is in %s, the payment in %s: resolve it as failed',
            p_suspended.currency, p_payment.currency));
    end if;
    done.minor := coalesce((p->>'amount')::numeric, abs(p_suspended.amount));
    done.provider_reference := coalesce(p->>'provider_reference', p_payment.provider_reference);
    if done.minor is null or (p_suspended.amount is null and done.provider_reference is null) then
        perform refuse('no money has been booked for it: '
            'the amount that moved and the provider''s reference are needed');
    end if;
    if done.minor <= 0 then
        perform refuse('the amount must be above zero');
    end if;
    if p_payment.type = 'refund' then
        if p->>'fee' is not null then
            perform refuse('a refund''s share of the fee follows from its amount');
        end if;
        done.fee_minor := refund_terms(p_payment, p_held, done.minor);
    else
        done.fee_minor := coalesce(
            (p->>'fee')::numeric, case when done.minor = p_payment.minor then p_payment.fee_minor end);
    end if;
    if done.fee_minor is null then
        perform refuse('another amount than was asked for: the fee is needed');
    end if;
    if done.fee_minor < 0 or (p_payment.type <> 'withdrawal' and done.fee_minor > done.minor) then
        perform refuse('the fee must be between zero and the amount');
    end if;
    done.net_minor := case
        when p_payment.merchant_account_id is not null then done.minor
        when p_payment.type = 'withdrawal' then done.minor + done.fee_minor
        else done.minor - done.fee_minor end;
    done.status := 'completed';
    done.failure := null;
    return done;
end
$$;

-- The share of the deposit's fee that goes back with a refund that turns out to be of `p_minor`, or
-- a refusal when the deposit does not have as much left.
create function ledger.refund_terms(
    p_payment ledger.payment, p_held ledger.hold, p_minor numeric
) returns numeric
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    parent payment;
begin
    select * into strict parent from payment where payment_id = p_payment.parent_payment_id;
    if p_held.state = 'held' then
        parent.refund_pending_minor := parent.refund_pending_minor - p_payment.minor;
    end if;
    if parent.refunded_minor + parent.refund_pending_minor + parent.disputed_minor + p_minor
       > parent.minor then
        perform refuse('the deposit has less than that left to give back');
    end if;
    return refund_fee_share(parent, p_minor, p_payment.payment_id);
end
$$;

-- What completes a payment: its settlement, less what stands in suspense already.
create function ledger.resolution_legs(p_done ledger.payment, p_suspended ledger.suspended)
returns ledger.leg[]
language sql stable
set search_path = ledger, pg_temp
as $$
    select array_agg(row(account_id, amount)::leg order by place)
    from (values
        (1, p_done.provider_account_id,
            case p_done.type when 'deposit' then p_done.minor else -p_done.minor end
            + coalesce(p_suspended.amount, 0)),
        (2, p_done.customer_account_id,
            case p_done.type when 'deposit' then -p_done.net_minor else p_done.net_minor end),
        (3, p_done.fees_account_id,
            case p_done.type when 'refund' then p_done.fee_minor else -p_done.fee_minor end),
        (4, p_done.merchant_account_id,
            case p_done.type when 'refund' then -p_done.fee_minor else p_done.fee_minor end),
        (5, p_suspended.account_id, -p_suspended.amount)
    ) as legs (place, account_id, amount)
    where account_id is not null
$$;

-- The deposit that a resolved refund belongs to.
create function ledger.settle_parent(
    p_before ledger.payment, p_done ledger.payment, p_held ledger.hold
) returns void
language sql volatile
set search_path = ledger, pg_temp
as $$
    update payment
    set refund_pending_minor = refund_pending_minor
            - case when p_held.state = 'held' then p_before.minor else 0 end,
        refunded_minor = refunded_minor
            + case when p_done.status = 'completed' then p_done.minor else 0 end
    where payment_id = p_before.parent_payment_id
$$;

-- Bring a payment to the state that people gave it, with its history, and tell everybody.
create function ledger.finish_payment(
    p_position bigint, p_done ledger.payment, p_posting text, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    before text;
begin
    select status into strict before from payment where payment_id = p_done.payment_id;
    if p_done.status = 'completed' then
        update payment
        set status = p_done.status, minor = p_done.minor, fee_minor = p_done.fee_minor,
            net_minor = p_done.net_minor
        where payment_id = p_done.payment_id;
    end if;
    update payment
    set status = p_done.status, provider_reference = p_done.provider_reference,
        failure = p_done.failure, next_action = null, next_check_at = null,
        version = version + 1, updated_at = greatest(updated_at, p_at)
    where payment_id = p_done.payment_id;
    delete from unfinished where payment_id = p_done.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, detail, reason,
        posting, occurred_at)
    values (
        p_position, p_done.payment_id, p_done.version + 1, 'resolved', before, p_done.status,
        'applied', jsonb_build_object(
            'amount', jsonb_build_object(
                'minor', p_done.minor::text, 'currency', p_done.currency)),
        'resolved_by_operator', p_posting, p_at);
    perform announce_payment(nextval('ledger.outbox_id_seq'), p_done.payment_id,
        'payment.' || p_done.status, p_at, null);
    perform pg_notify('cift_payment', p_done.payment_id::text);
end
$$;

-- The receipt counts for this payment from now on, or a refusal.
create function ledger.claim_receipt(p_done ledger.payment) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    owner uuid;
begin
    insert into receipt (method, reference, payment_id)
    select p_done.method, p_done.provider_reference, p_done.payment_id
    where p_done.provider_reference is not null
    on conflict (method, reference) do nothing;
    select payment_id into owner
    from receipt where method = p_done.method and reference = p_done.provider_reference;
    if owner <> p_done.payment_id then
        perform refuse(format('%s is the receipt of payment %s', p_done.provider_reference, owner));
    end if;
end
$$;

-- End a payment in review. `p`: payment_id, as (completed or failed), operator, reason, at; and to
-- complete: amount, fee (minor units as text) and provider_reference, each where it is not known.
--
-- completed  The customer's balance, our fee and the provider's account become what they would be
--            had this amount settled; suspense is emptied; a hold is captured as far as it is needed
--            and the rest is free again. `minor` becomes the amount that moved.
-- failed     A hold is released. What stands in suspense stays there, as a discrepancy that has an
--            owner and an age (0017), until it went back or somebody writes it off.
--
-- Answers {"status", "position", "tx_id"}. Raises CF020 for a payment that is not in review.
create function ledger.resolve(p jsonb) returns jsonb
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
as $$
declare
    target payment;
    done payment;
    held hold;
    suspended suspended;
    legs leg[];
    place bigint;
begin
    perform check_signed(p);
    select * into target from payment where payment_id = (p->>'payment_id')::uuid;
    perform 1 from payment
    where payment_id in (target.payment_id, target.parent_payment_id)
    order by payment_id for no key update;
    select * into target from payment where payment_id = (p->>'payment_id')::uuid;
    if not found then
        perform refuse('no such payment');
    end if;
    if not exists (select from operator_transition
                   where from_status = target.status and to_status = p->>'as') then
        perform refuse(format('payment %s is %s: only payments in review can be resolved, '
            'as completed or failed', target.payment_id, target.status));
    end if;
    select * into held from hold where payment_id = target.payment_id;
    suspended := suspense_of(target.payment_id);

    if p->>'as' = 'completed' then
        if exists (select from discrepancy
                   where payment_id = target.payment_id and kind = 'unclaimed'
                     and state = 'closed') then
            perform refuse('its money was written off: correct that first');
        end if;
        done := completed_terms(target, held, suspended, p);
        perform claim_receipt(done);
        legs := resolution_legs(done, suspended);
    else
        done := failed_terms(target);
    end if;
    perform lock_balances(array(
        select account_id from unnest(legs) union select held.account_id));
    if done.status = 'completed' and target.type <> 'deposit' then
        perform check_available(target.customer_account_id, done.net_minor,
            case when held.state = 'held' then held.amount else 0 end);
    end if;

    place := take_input('resolve', p);
    if held.state = 'held' then
        perform end_hold(held.hold_id,
            case done.status when 'completed' then 'captured' else 'released' end,
            case done.status when 'completed' then least(held.amount, done.net_minor) end,
            (p->>'at')::timestamptz);
    end if;
    if legs is not null then
        perform write_transaction(place, 0, 'resolution', target.payment_id::text,
            target.payment_id, (p->>'at')::timestamptz, legs);
        perform claim_suspense(target.payment_id, p);
    elsif suspended.amount is not null then
        perform own_suspense(target, suspended, p);
    end if;
    perform settle_parent(target, done, held);
    perform finish_payment(place, done, case when legs is not null then 'resolution' end,
        (p->>'at')::timestamptz);
    return jsonb_build_object('status', done.status, 'position', place,
        'tx_id', case when legs is not null then place * 8 end);
end
$$;

create function ledger.failed_terms(p_payment ledger.payment) returns ledger.payment
language plpgsql immutable
as $$
begin
    p_payment.status := 'failed';
    p_payment.failure := jsonb_build_object(
        'code', 'resolved_as_failed', 'category', 'declined', 'retryable', true,
        'message', 'The payment did not go through; our support has looked into it.');
    return p_payment;
end
$$;

-- Corrections ----------------------------------------------------------------------------------

-- Why a posting of this kind is not corrected, and what to do instead; null where it is.
create function ledger.correction_advice(p_tx ledger.ledger_tx) returns text
language sql immutable
return case
    when p_tx.kind in ('conversion', 'hold_capture') then null
    when p_tx.kind = 'resolution' and p_tx.payment_id is null then null
    when p_tx.kind in ('settlement', 'resolution')
        then 'it settled a payment: give a deposit back with a refund; '
             'money that returned by itself is the provider''s news'
    when p_tx.kind = 'suspense' then 'its payment is resolved by `cift ledger resolve`'
    when p_tx.kind in ('provider_fee', 'reconciliation')
        then 'the next `cift reconcile` posts, or takes back, what differs from the statement'
    when p_tx.kind = 'correction' then 'do again what it undid'
    else 'the provider''s next news of it post what follows'
end;

-- Undo a posting that belongs to no payment by its exact negation, once. `p`: tx_id (as text),
-- operator, reason, at. Answers the new transaction. Raises CF020 when the posting is a payment's,
-- was corrected before, or can't be undone because the money is gone.
create function ledger.correct(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    wrong ledger_tx;
    legs leg[];
begin
    perform check_signed(p);
    select * into wrong from ledger_tx where tx_id = (p->>'tx_id')::bigint;
    if not found then
        perform refuse('no such transaction');
    end if;
    if correction_advice(wrong) is not null then
        perform refuse(format('a posting of kind %s is not corrected: %s',
            wrong.kind, correction_advice(wrong)));
    end if;
    select array_agg(row(account_id, -amount)::leg order by seq) into legs
    from entry where tx_id = wrong.tx_id;
    perform lock_balances(array(select account_id from unnest(legs)));
    if exists (select from ledger_tx where kind = 'correction' and ref = wrong.tx_id::text) then
        perform refuse(format('transaction %s has been corrected', wrong.tx_id));
    end if;
    perform check_available(account_id, sum(amount), 0) from unnest(legs) group by account_id;
    perform reopen_discrepancy(wrong.tx_id, p);
    return write_transaction(take_input('correct', p), 0, 'correction', wrong.tx_id::text, null,
        (p->>'at')::timestamptz, legs);
end
$$;

-- Holds ----------------------------------------------------------------------------------------

-- A hold that people placed, and may end; those of payments and disputes end with these.
create function ledger.operator_hold(p_key text) returns ledger.hold
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    found_hold hold;
begin
    select * into found_hold from hold where hold_key = 'operator:' || p_key;
    if not found then
        perform refuse(format('no hold %s has been placed by people', p_key));
    end if;
    return found_hold;
end
$$;

-- Hold money of a customer. `p`: key, merchant_id, livemode, customer_id, currency, amount (minor
-- units as text), until (or null), operator, reason, at. The same order again changes nothing.
-- Answers the key. Raises CF020 when the money is not there.
create function ledger.place_operator_hold(p jsonb) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    tenant_name text := (p->>'merchant_id') || ':' || mode_of((p->>'livemode')::boolean);
    code_name text := 'customer:' || (p->>'customer_id') || ':' || (p->>'currency');
    hold_name text := 'operator:' || (p->>'key');
    wanted numeric := (p->>'amount')::numeric;
    target bigint;
    known hold;
begin
    perform check_signed(p);
    select account_id into target from account where tenant = tenant_name and code = code_name;
    if not found then
        perform refuse(format('%s has no account %s', tenant_name, code_name));
    end if;
    if wanted <= 0 or (p->>'until')::timestamptz <= (p->>'at')::timestamptz then
        perform refuse('a hold takes an amount above zero and ends after it began');
    end if;
    perform lock_balances(array[target]);
    select * into known from hold where hold_key = hold_name;
    if found and (known.account_id, known.amount, known.expires_at)
       is distinct from (target, wanted, (p->>'until')::timestamptz) then
        perform refuse(format('hold %s exists with other terms', p->>'key'));
    elsif not found then
        perform check_available(target, 0, -wanted);
        perform take_input('hold_place', p);
        perform hold_funds(hold_name, target, wanted, p->>'reason', (p->>'at')::timestamptz,
            (p->>'until')::timestamptz);
    end if;
    return p->>'key';
end
$$;

-- Take what a hold holds, or a part of it and free the rest, into `adjustments:<CUR>`. `p`: key,
-- amount (minor units as text, null: all), operator, reason, at. Answers the transaction. Raises
-- CF020 when the hold has ended or holds less.
create function ledger.capture_hold(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    held hold := operator_hold(p->>'key');
    taken numeric := coalesce((p->>'amount')::numeric, held.amount);
    ours bigint;
begin
    perform check_signed(p);
    select open_account('house:' || split_part(tenant, ':', -1), 'adjustments:' || currency)
    into ours from account where account_id = held.account_id;
    perform lock_balances(array[held.account_id, ours]);
    perform check_open(held.hold_id);
    if taken <= 0 or taken > held.amount then
        perform refuse('the amount must be above zero and at most what is held');
    end if;
    return capture_at(take_input('hold_capture', p), held, ours, taken, (p->>'at')::timestamptz);
end
$$;

create function ledger.capture_at(
    p_position bigint, p_held ledger.hold, p_to bigint, p_taken numeric, p_at timestamptz
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform end_hold(p_held.hold_id, 'captured', p_taken, p_at);
    return write_transaction(p_position, 0, 'hold_capture', p_held.hold_key, null, p_at,
        array[row(p_held.account_id, p_taken)::leg, row(p_to, -p_taken)::leg]);
end
$$;

-- Give a hold back. `p`: key, operator, reason, at. Raises CF020 when it has ended.
create function ledger.release_hold(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    held hold := operator_hold(p->>'key');
begin
    perform check_signed(p);
    perform lock_balances(array[held.account_id]);
    perform check_open(held.hold_id);
    perform take_input('hold_release', p);
    perform end_hold(held.hold_id, 'released', null, (p->>'at')::timestamptz);
end
$$;

-- Under the balance's lock: a hold ends once.
create function ledger.check_open(p_hold_id bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    ended text;
begin
    select state into ended from hold where hold_id = p_hold_id and state <> 'held';
    if found then
        perform refuse(format('the hold has ended: it was %s', ended));
    end if;
end
$$;

-- Rights ---------------------------------------------------------------------------------------

grant usage on schema ledger to cift_operator;
grant select on all tables in schema ledger to cift_operator;
grant select on ledger.operator_transition, ledger.operator_action to cift_ledger;
grant execute on function
    ledger.suspense_of(uuid),
    ledger.resolve(jsonb),
    ledger.correct(jsonb),
    ledger.place_operator_hold(jsonb),
    ledger.capture_hold(jsonb),
    ledger.release_hold(jsonb)
to cift_operator;

reset role;
