-- revision: 2 fea7cc86cb32eb55
-- The available balance of an account above its floor; the caller holds the lock on the balance.
create or replace function ledger.available(p_account_id bigint) returns numeric
language sql stable
return (
    select greatest(0, normal * posted - held - coalesce(floor, 0))
    from ledger.balance where account_id = p_account_id);
