-- revision: 4 cd15f74ddc89f2f3
-- Trigger function: the amounts of a payment never change, except when an operator completes a
-- payment in review with the amount that moved, and once when a deposit with the policy
-- `as_received` is settled with another amount. The amounts at acceptance stay in its first event.
create or replace function ledger.refuse_new_amounts() returns trigger
language plpgsql
as $$
begin
    if (old.status, new.status) is distinct from ('in_review', 'completed')
       and (old.amount_policy <> 'as_received'
            or old.status not in ('pending', 'processing', 'requires_action')
            or old.requested_minor is not null
            or new.requested_minor is distinct from old.minor) then
        raise exception 'the amounts of payment % are fixed', old.payment_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;
