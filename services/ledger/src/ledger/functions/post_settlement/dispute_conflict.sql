-- revision: 3 ac3d813351489906
-- The reason why this dispute update cannot be posted; null if it can.
create or replace function ledger.dispute_conflict(
    p_before ledger.dispute, p_after ledger.dispute, p_result ledger.result_row
) returns text
language sql immutable
return case
    when p_after.payment_id <> p_before.payment_id then 'dispute_of_another_payment'
    when p_after.money_currency <> any (array[
            p_result.detail #>> '{dispute,withdrawn,currency}',
            p_result.detail #>> '{dispute,reinstated,currency}'])
        or p_after.fee_currency <> any (array[
            p_result.detail #>> '{dispute,fee,currency}',
            p_result.detail #>> '{dispute,fee_reinstated,currency}'])
        then 'dispute_currency_mismatch' end;
