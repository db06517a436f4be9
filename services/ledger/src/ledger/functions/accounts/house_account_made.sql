-- revision: 1 4a75e3fe3b414ee1
-- Our account of a kind for a payment's method in a currency, made where it is missing.
create or replace function ledger.house_account_made(p_payment ledger.payment, p_kind text, p_currency text)
returns bigint
language sql volatile
return ledger.open_account(
    ledger.house_tenant(p_payment.livemode),
    p_kind || ':' || p_payment.method || ':' || p_currency);
