-- revision: 1 2b33defa03fd3ebb
-- The accounts of ours on which an exchanged amount moves, created if missing: our own money in the
-- currency that is paid, and what the provider holds for us in it. Null without an exchange.
create or replace function ledger.exchange_accounts(p_payment ledger.payment) returns bigint[]
language sql volatile
return case when ledger.paid_in(p_payment.pricing) is not null then array[
    ledger.open_account(ledger.house_tenant(p_payment.livemode),
        'liquidity:' || ledger.paid_in(p_payment.pricing)),
    ledger.house_account_made(p_payment, 'provider', ledger.paid_in(p_payment.pricing))] end;
