-- revision: 4 9c90c180bac1c5c1
-- The fee for an amount by a payment's stored pricing, in minor units of the payment's currency; null
-- if the pricing does not define it. The computation is the one that gateway.quotes.pricing makes for
-- the requested amount: the share is rounded half up to the minor unit, then the fixed part is added,
-- then the minimum and the maximum apply, then the network's fee is added. Products of numerics are
-- exact.
create or replace function ledger.fee_by_pricing(p_pricing jsonb, p_minor numeric, p_currency text)
returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select least(
            greatest(
                round(p_minor * (p_pricing->>'percent')::numeric * 0.01) + coalesce(fixed, 0),
                minimum),
            maximum)
        + coalesce(round((p_pricing->>'network_fee')::numeric * scale), 0)
    from (
        -- a part, "20.00 KES", is converted at the stored rate and rounded half up
        select scale,
            round(split_part(p_pricing->>'fixed', ' ', 1)::numeric * rate * scale) as fixed,
            round(split_part(p_pricing->>'minimum', ' ', 1)::numeric * rate * scale) as minimum,
            round(split_part(p_pricing->>'maximum', ' ', 1)::numeric * rate * scale) as maximum
        from currency
        cross join lateral (
            select power(10::numeric, exponent::numeric),
                coalesce((p_pricing #>> '{rate,value}')::numeric, 1)
        ) factors (scale, rate)
        where code = p_currency
    ) parts
    where p_pricing->>'percent' is not null
$$;

grant execute on function ledger.fee_by_pricing(jsonb, numeric, text) to cift_operator, cift_ledger;
