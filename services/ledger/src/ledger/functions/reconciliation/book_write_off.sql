-- revision: 2 3a92e93f5d076bea
-- Write off an amount in suspense. `p`: as in book_reconciliation, with the name of the group
-- instead of ref; amount is the balance in suspense, debit positive. Returns the log position.
create or replace function ledger.book_write_off(p jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    rail text := ':' || (p->>'method') || ':' || (p->>'currency');
    house text := house_tenant((p->>'livemode')::boolean);
    other bigint := open_account(house, (p->>'against') || rail);
    suspense bigint := open_account(house, 'suspense' || rail);
    place bigint;
begin
    perform lock_balances(array[suspense, other]);
    place := take_input('write_off', p);
    perform write_transaction(place, 0, 'resolution',
        'write-off:' || (p->>'method') || ':' || (p->>'name') || '#' || place, null,
        (p->>'at')::timestamptz,
        array[row(suspense, -(p->>'amount')::numeric)::leg,
              row(other, (p->>'amount')::numeric)::leg]);
    return place;
end
$$;
