-- revision: 2 390d3d73cf9b1352
-- Post the difference between two states of a dispute; returns the log position.
create or replace function ledger.post_dispute(
    p_before ledger.dispute, p_after ledger.dispute, p_payment ledger.payment, p_at timestamptz
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    accounts dispute_accounts := dispute_accounts_made(p_payment, p_after);
    posting dispute_posting;
    place bigint;
    k integer := 0;
begin
    perform lock_balances(array[accounts.disputes, accounts.losses, accounts.provider_costs,
        accounts.fee_provider, accounts.provider, p_payment.customer_account_id]);
    place := draw_position();
    for posting in select * from dispute_postings(p_before, p_after, accounts) loop
        perform write_transaction(place, k, posting.kind, posting.ref, p_payment.payment_id, p_at,
            array[row(posting.debit, posting.amount)::leg,
                  row(posting.credit, -posting.amount)::leg]);
        k := k + 1;
    end loop;
    if coalesce(p_before.withdrawn_minor, 0) = 0 and p_after.withdrawn_minor > 0 then
        perform hold_disputed(p_payment, p_after, p_at);
    end if;
    if coalesce(p_before.lost_minor, 0) = 0 and (
           p_after.closed is not null
           or (p_after.withdrawn_minor > 0 and p_after.reinstated_minor >= p_after.withdrawn_minor))
    then
        perform settle_dispute(place, k, p_payment, p_after, accounts, p_at);
    end if;
    return place;
end
$$;
