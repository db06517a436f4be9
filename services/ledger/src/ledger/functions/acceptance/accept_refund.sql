-- revision: 5 76eb9707d71c8a2d
-- Accept a refund of all or part of a settled deposit. `p` is as in accept_payment, plus
-- parent_payment_id. Returns {"fee_minor", "net_minor"}: the share of the deposit's fee that is
-- given back, and the amount that is debited from the customer's balance. Raises CF002, CF003 and
-- CF001.
create or replace function ledger.accept_refund(p jsonb) returns jsonb
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
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
       or parent.reversed_minor = parent.minor
       or parent.rail <> coalesce(refund.rail, refund.method) or parent.currency <> refund.currency then
        raise exception 'not_refundable' using errcode = 'CF002';
    end if;
    if parent.refunded_minor + parent.refund_pending_minor + parent.disputed_minor
       + parent.reversed_minor + refund.minor > parent.minor then
        raise exception 'refund_exceeds_captured' using errcode = 'CF003';
    end if;
    refund.type := 'refund';
    refund.rail := parent.rail;
    refund.customer_id := parent.customer_id;
    refund.customer_account_id := parent.customer_account_id;
    refund.provider_account_id := parent.provider_account_id;
    refund.fees_account_id := parent.fees_account_id;
    refund.merchant_account_id := parent.merchant_account_id;  -- who paid the fee gets the share
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

grant execute on function ledger.accept_refund(jsonb) to cift_gateway;
