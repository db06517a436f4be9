-- revision: 2 23c709b0fae7bf7c
-- A payment with its accounts, created if missing. Money without an owner names the suspense account
-- where a customer's would be: nothing is credited to it.
create or replace function ledger.received_accounts(p_payment ledger.payment) returns ledger.payment
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    p_payment.fees_account_id := house_account_made(p_payment, 'fees', p_payment.currency);
    p_payment.provider_account_id := open_account(house_tenant(p_payment.livemode),
        source_account(p_payment.pricing, p_payment.rail, p_payment.currency));
    p_payment.customer_account_id := case when p_payment.merchant_id = 'house'
        then house_account_made(p_payment, 'suspense', p_payment.currency)
        else open_account(p_payment.merchant_id || ':' || mode_of(p_payment.livemode),
            'customer:' || p_payment.customer_id || ':' || p_payment.currency) end;
    return p_payment;
end
$$;
