-- revision: 4 f35ff57f40717254
-- Open a dispute of a completed deposit, or update one.
create or replace function ledger.dispute_payment(p_result ledger.result_row, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    before dispute;
    after dispute;
    conflict text;
    place bigint;
begin
    select * into before from dispute
    where method = p_payment.rail and reference = p_result.detail #>> '{dispute,reference}';
    after := dispute_after(before, p_result, p_payment);
    conflict := case when p_payment.type <> 'deposit' then 'dispute_of_no_deposit'
        else dispute_conflict(before, after, p_result) end;
    if conflict is not null then
        return record_post_settlement(p_result, draw_position(), 'conflict', conflict, null);
    end if;
    if after is not distinct from before then
        return record_post_settlement(p_result, draw_position(),
            case when p_result.occurred_at < before.updated_at then 'stale' else 'duplicate' end,
            null, null);
    end if;
    place := post_dispute(before, after, p_payment, p_result.occurred_at);
    perform store_dispute(after, p_result.occurred_at);
    return record_post_settlement(p_result, place, 'applied', null, 'dispute');
end
$$;
