-- revision: 2 9f1eb3d55da1bd85
-- Trigger function: a hold that has ended cannot change, and an open hold can only end.
create or replace function ledger.refuse_second_end() returns trigger
language plpgsql
as $$
begin
    if old.state <> 'held' then
        raise exception 'hold % has ended as %', coalesce(old.payment_id::text, old.hold_key),
            old.state using errcode = 'restrict_violation';
    end if;
    if (new.amount, new.account_id, new.payment_id, new.hold_key, new.expires_at)
       is distinct from (old.amount, old.account_id, old.payment_id, old.hold_key, old.expires_at)
    then
        raise exception 'hold % can only end', coalesce(old.payment_id::text, old.hold_key)
            using errcode = 'restrict_violation';
    end if;
    if new.state <> 'held' then
        new.end_booked_at := coalesce(new.end_booked_at, clock_timestamp());
    end if;
    return new;
end
$$;
