-- revision: 1 79bb8f5fd0fa239c
-- The amount that a reversal moved at the provider.
create or replace function ledger.reversed_by(p_payment ledger.payment, p_reversal ledger.ledger_tx)
returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select abs(sum(amount)) from entry
    where tx_id = p_reversal.tx_id and account_id = p_payment.provider_account_id
$$;
