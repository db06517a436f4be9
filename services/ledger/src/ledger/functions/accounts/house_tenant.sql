-- revision: 2 46b040a3efb4ac06
-- The tenant of the platform's own accounts in test or live mode.
create or replace function ledger.house_tenant(livemode boolean) returns text
language sql immutable
return 'house:' || case when livemode then 'live' else 'test' end;
