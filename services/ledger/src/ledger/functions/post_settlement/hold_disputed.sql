-- revision: 2 2afdd9d1254fa009
-- Hold the disputed amount on the customer's account, so the customer cannot spend it: as much as
-- is available, and only if the provider took the money in the customer's currency. The caller must
-- hold the locks.
create or replace function ledger.hold_disputed(
    p_payment ledger.payment, p_dispute ledger.dispute, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    wanted numeric := least(
        p_dispute.withdrawn_minor - p_dispute.reinstated_minor,
        available(p_payment.customer_account_id));
begin
    if wanted > 0 and p_dispute.money_currency = p_payment.currency then
        perform hold_funds('dispute:' || p_dispute.method || ':' || p_dispute.reference,
            p_payment.customer_account_id, wanted, p_dispute.reason, p_at);
    end if;
end
$$;
