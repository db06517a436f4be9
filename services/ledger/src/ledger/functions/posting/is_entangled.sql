-- revision: 1 677112d6cdd1ebd7
-- True when results of two payments touch each other: both name one receipt, or one payment
-- refunds the other.
create or replace function ledger.is_entangled(p_batch ledger.told[], p_locked ledger.locked[])
returns boolean
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return exists (
    select from unnest(p_batch) b
    where b.provider_reference is not null
    group by b.method, b.provider_reference
    having count(distinct b.payment_id) > 1
) or exists (
    select from unnest(p_locked) child
    where child.parent_payment_id in (select b.payment_id from unnest(p_batch) b)
);
end
$$;
