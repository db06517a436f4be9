-- revision: 1 5f7b27909fd5496f
-- What moved at the provider in another currency, from a result (messages.Exchanged); null if the
-- result has none.
create or replace function ledger.exchanged_of(p_detail jsonb) returns jsonb
language sql immutable
return nullif(p_detail->'exchanged', 'null');
