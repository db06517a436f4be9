-- revision: 4 d94a04663ea93d22
-- True if results of two payments in the batch affect each other: both have the same receipt, or
-- one payment refunds the other.
create or replace function ledger.is_entangled(p_batch ledger.result_row[], p_locked ledger.locked_payment[])
returns boolean
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return exists (
    select from unnest(p_batch) b
    where b.provider_reference is not null
    group by b.rail, b.provider_reference
    having count(distinct b.payment_id) > 1
) or exists (
    select from unnest(p_locked) child
    where child.parent_payment_id in (select b.payment_id from unnest(p_batch) b)
);
end
$$;
