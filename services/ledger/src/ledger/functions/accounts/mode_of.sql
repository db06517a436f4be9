-- revision: 2 199a0c7b566933ee
-- 'test' or 'live': the second half of a tenant.
create or replace function ledger.mode_of(livemode boolean) returns text
language sql immutable
return case when livemode then 'live' else 'test' end;
