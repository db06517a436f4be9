-- What the gateway calls. A refusal of the business is an SQLSTATE of class CF:
--   CF001 insufficient_funds   CF002 not_refundable   CF003 refund_exceeds_captured
--   CF004 not_cancelable       CF005 not_found

set local role cift_ledger_owner;

-- Write a payment as new, whatever its other columns say, with its first event. Money out has been
-- set aside before: that locks the balance, and only then may the acceptance draw its position.
create function ledger.store_payment(p_payment ledger.payment) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment (
        payment_id, merchant_id, livemode, customer_id, type, method, minor, currency, fee_minor,
        net_minor, parent_payment_id, instrument, description, return_url, metadata, command,
        estimated_arrival, created_at, updated_at, heard_at,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id, pricing)
    values (
        p_payment.payment_id, p_payment.merchant_id, p_payment.livemode, p_payment.customer_id,
        p_payment.type, p_payment.method, p_payment.minor, p_payment.currency, p_payment.fee_minor,
        p_payment.net_minor, p_payment.parent_payment_id, p_payment.instrument,
        p_payment.description, p_payment.return_url, coalesce(p_payment.metadata, '{}'),
        p_payment.command, p_payment.estimated_arrival, p_payment.created_at, p_payment.created_at,
        p_payment.created_at, p_payment.customer_account_id, p_payment.provider_account_id,
        p_payment.fees_account_id, p_payment.merchant_account_id, p_payment.pricing);
    insert into unfinished values (p_payment.payment_id);
    insert into payment_event (
        event_seq, payment_id, version, kind, to_status, disposition, detail, occurred_at)
    values (
        draw_position(), p_payment.payment_id, 1, 'accepted', 'pending', 'applied',
        -- people may complete it at other terms; these were asked for
        jsonb_build_object('minor', p_payment.minor::text, 'fee_minor', p_payment.fee_minor::text,
                           'net_minor', p_payment.net_minor::text),
        p_payment.created_at);
    if p_payment.type <> 'deposit' then
        insert into hold (payment_id, account_id, amount, created_at)
        values (p_payment.payment_id, p_payment.customer_account_id, p_payment.net_minor,
                p_payment.created_at);
    end if;
end
$$;

-- Accept a deposit or a withdrawal; `p` has the payment's columns, amounts as text, and who pays the
-- fee as `fee_bearer`: the customer (also when it is missing), or the merchant.
-- Raises CF001 when a withdrawal and its fee are more than the customer has available.
create function ledger.accept_payment(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    new_payment payment := jsonb_populate_record(null::payment, p);
    house text := house_tenant(new_payment.livemode);
    tenant text := new_payment.merchant_id || ':' || mode_of(new_payment.livemode);
    rail text := new_payment.method || ':' || new_payment.currency;
begin
    if new_payment.type not in ('deposit', 'withdrawal') then
        raise exception 'accept_payment takes deposits and withdrawals, not %', new_payment.type
            using errcode = 'invalid_parameter_value';
    end if;
    new_payment.parent_payment_id := null;
    new_payment.fees_account_id := open_account(house, 'fees:' || rail);
    new_payment.provider_account_id := open_account(house, 'provider:' || rail);
    new_payment.merchant_account_id := case p->>'fee_bearer' when 'merchant' then
        open_account(tenant, 'merchant:' || new_payment.currency) end;
    new_payment.customer_account_id := open_account(
        tenant, 'customer:' || new_payment.customer_id || ':' || new_payment.currency);
    if new_payment.type = 'withdrawal' then
        perform set_aside(new_payment.customer_account_id, new_payment.net_minor);
    end if;
    perform store_payment(new_payment);
end
$$;

-- The part of a deposit's fee that goes back with a refund: proportional to all that is given back
-- so far, less what went back before. So shares never drift, and the last refund returns the rest.
-- Must be called under the deposit's row lock. `p_except`: a refund of it that does not count.
create function ledger.refund_fee_share(
    p_parent ledger.payment, p_minor numeric, p_except uuid default null
) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    -- div(2a + b, 2b) is a / b rounded half up, in whole numbers only
    select least(p_minor, greatest(0,
        div(2 * p_parent.fee_minor
                * (p_parent.refunded_minor + p_parent.refund_pending_minor + p_minor)
                + p_parent.minor,
            2 * p_parent.minor)
        - coalesce(sum(refund.fee_minor), 0)))
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_parent.payment_id
      and (hold.state = 'held' or refund.status = 'completed')
      and refund.reversed_minor = 0
      and refund.payment_id is distinct from p_except
$$;

-- Accept a refund of (part of) a settled deposit; `p` as in accept_payment, with parent_payment_id.
-- Answers {"fee_minor", "net_minor"}: the fee share given back, and what the customer's balance
-- loses. Raises CF002, CF003 and CF001.
create function ledger.accept_refund(p jsonb) returns jsonb
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    refund payment := jsonb_populate_record(null::payment, p);
    parent payment;
begin
    select * into parent
    from payment
    where payment_id = refund.parent_payment_id
      and merchant_id = refund.merchant_id
      and livemode = refund.livemode
    for no key update;
    if not found or parent.type <> 'deposit' or parent.status <> 'completed'
       or parent.reversed_minor > 0
       or parent.method <> refund.method or parent.currency <> refund.currency then
        raise exception 'not_refundable' using errcode = 'CF002';
    end if;
    if parent.refunded_minor + parent.refund_pending_minor + parent.disputed_minor + refund.minor
       > parent.minor then
        raise exception 'refund_exceeds_captured' using errcode = 'CF003';
    end if;
    refund.type := 'refund';
    refund.customer_id := parent.customer_id;
    refund.customer_account_id := parent.customer_account_id;
    refund.provider_account_id := parent.provider_account_id;
    refund.fees_account_id := parent.fees_account_id;
    refund.merchant_account_id := parent.merchant_account_id;  -- the share goes back to who paid it
    refund.fee_minor := refund_fee_share(parent, refund.minor);
    refund.net_minor := refund.minor
        - case when refund.merchant_account_id is null then refund.fee_minor else 0 end;
    perform set_aside(refund.customer_account_id, refund.net_minor);
    perform store_payment(refund);
    update payment
    set refund_pending_minor = refund_pending_minor + refund.minor
    where payment_id = parent.payment_id;
    return jsonb_build_object(
        'fee_minor', refund.fee_minor::text, 'net_minor', refund.net_minor::text);
end
$$;

-- Note that the merchant wants a payment stopped; the worker decides whether it still can be.
-- Answers the current status. Raises CF005 for a payment that is not the merchant's, CF004 when
-- the payment is past `pending`.
create function ledger.request_cancel(
    p_payment_id uuid, p_merchant_id text, p_livemode boolean, p_at timestamptz default now()
) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    target payment;
begin
    select * into target
    from payment
    where payment_id = p_payment_id and merchant_id = p_merchant_id and livemode = p_livemode
    for no key update;
    if not found then
        raise exception 'not_found' using errcode = 'CF005';
    end if;
    if target.status <> 'pending' then
        raise exception 'not_cancelable' using errcode = 'CF004';
    end if;
    if not exists (select from payment_event
                   where payment_id = p_payment_id and kind = 'cancel_requested') then
        insert into payment_event (
            event_seq, payment_id, version, kind, from_status, disposition, occurred_at)
        values (
            draw_position(), target.payment_id, target.version, 'cancel_requested', target.status,
            'noted', p_at);
    end if;
    return target.status;
end
$$;

reset role;
