-- revision: 1 b2bc997a9bb34cfd
-- Where the chain begins.
create or replace function ledger.genesis() returns bytea
language sql immutable
return sha256('cift.ledger.chain.v1'::bytea);

grant execute on function ledger.genesis() to cift_ledger, cift_gateway;
