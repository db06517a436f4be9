-- revision: 1 250f83cc5d6b80f4
-- 'test' or 'live', the second half of a tenant.
create or replace function ledger.mode_of(livemode boolean) returns text
language sql immutable
return case when livemode then 'live' else 'test' end;
