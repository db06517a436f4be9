-- revision: 1 762be123f3c79488
-- What an exchanged amount is credited with, in minor units of `p_currency`: each of its parts at its
-- rate, rounded down, and a part at a locked rate with the quoted amount at most. The computation is
-- the one of cift_shared.money.exchange.total_of.
create or replace function ledger.exchanged_worth(p_exchanged jsonb, p_currency text) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select sum(least(
        floor(worth((part #>> '{amount,minor}')::numeric, part #>> '{amount,currency}',
                    (part #>> '{rate,value}')::numeric, p_currency)),
        (part #>> '{at_most,minor}')::numeric))
    from jsonb_array_elements(p_exchanged->'parts') part
$$;
