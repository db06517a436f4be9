-- revision: 3 cdc3364a5ef5e89d
-- The platform's own account of this kind for a payment's rail and a currency; created if
-- missing.
create or replace function ledger.house_account_made(p_payment ledger.payment, p_kind text, p_currency text)
returns bigint
language sql volatile
return ledger.open_account(
    ledger.house_tenant(p_payment.livemode),
    p_kind || ':' || p_payment.rail || ':' || p_currency);
