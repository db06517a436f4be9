-- revision: 2 9cfc6a18fb0a15b3
-- The hash of the genesis: link 0 of the chain.
create or replace function ledger.genesis() returns bytea
language sql immutable
return sha256('cift.ledger.chain.v1'::bytea);

grant execute on function ledger.genesis() to cift_ledger, cift_gateway;
