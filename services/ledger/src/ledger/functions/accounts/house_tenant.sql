-- revision: 1 9767b9d14ff32945
-- The tenant of our own accounts in a mode.
create or replace function ledger.house_tenant(livemode boolean) returns text
language sql immutable
return 'house:' || case when livemode then 'live' else 'test' end;
