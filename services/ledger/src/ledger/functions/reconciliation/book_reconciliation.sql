-- revision: 2 4b959cf9fa4f7ddf
-- Post an adjustment of the provider's account towards the balance in the provider's statement.
-- `p`: method, livemode, currency, amount (minor units as text: what the ledger is missing),
-- against (`suspense`, `adjustments`, `provider-costs` or `losses`), ref, operator, reason, at.
-- Returns the log position.
create or replace function ledger.book_reconciliation(p jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    rail text := ':' || (p->>'method') || ':' || (p->>'currency');
    house text := house_tenant((p->>'livemode')::boolean);
    other bigint := open_account(house, (p->>'against') || rail);
    provider bigint := open_account(house, 'provider' || rail);
    place bigint;
begin
    perform lock_balances(array[provider, other]);
    place := take_input('reconciliation', p);
    perform write_transaction(place, 0, 'reconciliation', p->>'ref', null, (p->>'at')::timestamptz,
        array[row(provider, (p->>'amount')::numeric)::leg,
              row(other, -(p->>'amount')::numeric)::leg]);
    return place;
end
$$;
