-- revision: 1 9aaf5401091a600e
-- The amounts a payment was accepted with (they stay in its first event) change in one case only:
-- people complete one in review by what really moved.
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
