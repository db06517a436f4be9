-- revision: 2 25ec4a100508e812
-- Trigger function: the amounts of a payment never change, except when an operator completes a
-- payment in review with the amount that really moved. The amounts at acceptance stay in its first
-- event.
create or replace function ledger.refuse_new_amounts() returns trigger
language plpgsql
as $$
begin
    if (old.status, new.status) is distinct from ('in_review', 'completed') then
        raise exception 'the amounts of payment % are fixed', old.payment_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
