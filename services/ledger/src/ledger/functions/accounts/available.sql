-- revision: 1 306d90e98265ab7c
-- What an account could still give, under its lock.
create or replace function ledger.available(p_account_id bigint) returns numeric
language sql stable
return (
    select greatest(0, normal * posted - held - coalesce(floor, 0))
    from ledger.balance where account_id = p_account_id);
