-- revision: 4 f84bed3b27a44dc8
-- Lock the payments of the batch and the deposits they refund, in the order of their ids, to
-- prevent deadlocks.
create or replace function ledger.lock_payments(p_batch ledger.result_row[]) returns ledger.locked_payment[]
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
return (
    select array_agg(row(payment_id, rail, parent_payment_id)::locked_payment)
    from (
        select payment_id, rail, parent_payment_id
        from payment
        where payment_id = any (array(
            select b.payment_id from unnest(p_batch) b
            union
            select child.parent_payment_id
            from unnest(p_batch) b
            join payment child on child.payment_id = b.payment_id
            where child.parent_payment_id is not null
              and child.payment_id = any (array(select payment_id from unnest(p_batch)))))
        order by payment_id
        for no key update
    ) in_order
);
end
$$;
