-- revision: 1 f936a005784f3057
-- Take out of suspense what people have given up on. `p`: as above, with the name of the group instead
-- of ref; amount is what suspense holds, debit positive. Answers the position.
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
