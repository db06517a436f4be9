-- revision: 5 2e3e867606960f9b
-- The gateway calls the functions of this folder. A refusal for business reasons is an SQLSTATE of
-- class CF:
--   CF001 insufficient_funds   CF002 not_refundable   CF003 refund_exceeds_captured
--   CF004 not_cancelable       CF005 not_found
--
-- Accept a deposit or a withdrawal. `p` has the payment's columns, with amounts as text, and
-- `fee_bearer`: who pays the fee, the customer (the default) or the merchant. Raises CF001 if a
-- withdrawal plus its fee is more than the customer's available balance.
create or replace function ledger.accept_payment(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    new_payment payment := jsonb_populate_record(null::payment, p);
    house text := house_tenant(new_payment.livemode);
    tenant text := new_payment.merchant_id || ':' || mode_of(new_payment.livemode);
    books text;
begin
    if new_payment.type not in ('deposit', 'withdrawal') then
        raise exception 'accept_payment takes deposits and withdrawals, not %', new_payment.type
            using errcode = 'invalid_parameter_value';
    end if;
    new_payment.parent_payment_id := null;
    -- gateways of earlier releases send no rail: their methods have one rail each, of the same name
    new_payment.rail := coalesce(new_payment.rail, new_payment.method);
    books := new_payment.rail || ':' || new_payment.currency;
    new_payment.fees_account_id := open_account(house, 'fees:' || books);
    new_payment.provider_account_id := open_account(house, source_account(
        new_payment.pricing, new_payment.rail, new_payment.currency));
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

grant execute on function ledger.accept_payment(jsonb) to cift_gateway;
