-- revision: 2 1151675a86fe61c2
-- Close a dispute on the customer's account. If it is won, the hold is released. If it is lost, the
-- held amount pays for the loss as far as it goes, and the rest is our loss. The caller must hold
-- the locks.
create or replace function ledger.settle_dispute(
    p_position bigint, p_k integer, p_payment ledger.payment, p_dispute ledger.dispute,
    p_accounts ledger.dispute_accounts, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    held hold;
    share numeric;
begin
    select * into held from hold
    where hold_key = 'dispute:' || p_dispute.method || ':' || p_dispute.reference
      and state = 'held';
    share := least(coalesce(held.amount, 0), p_dispute.lost_minor);
    if held.hold_id is not null then
        perform end_hold(held.hold_id, case when share > 0 then 'captured' else 'released' end,
            nullif(share, 0), p_at);
    end if;
    if p_dispute.lost_minor > 0 then
        perform write_transaction(p_position, p_k, 'dispute_lost', p_dispute.reference,
            p_payment.payment_id, p_at, array[
                row(p_accounts.disputes, -p_dispute.lost_minor)::leg,
                row(p_payment.customer_account_id, share)::leg,
                row(p_accounts.losses, p_dispute.lost_minor - share)::leg]);
    end if;
end
$$;
