-- revision: 2 ba04b4086fd25b49
-- The accounts that a dispute is posted to; created if missing. They are opened in the order of
-- their codes, as every writer does, to prevent deadlocks.
create or replace function ledger.dispute_accounts_made(p_payment ledger.payment, p_dispute ledger.dispute)
returns ledger.dispute_accounts
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    accounts dispute_accounts;
begin
    accounts.disputes := house_account_made(p_payment, 'disputes', p_dispute.money_currency);
    accounts.losses := house_account_made(p_payment, 'losses', p_dispute.money_currency);
    if p_dispute.fee_minor > 0 or p_dispute.fee_reinstated_minor > 0 then
        accounts.provider_costs :=
            house_account_made(p_payment, 'provider-costs', p_dispute.fee_currency);
        accounts.fee_provider := house_account_made(p_payment, 'provider', p_dispute.fee_currency);
    end if;
    accounts.provider := house_account_made(p_payment, 'provider', p_dispute.money_currency);
    return accounts;
end
$$;
