-- revision: 1 8f60a95b42811011
-- True if what moved at the provider explains an amount: a payment in its own currency has nothing
-- else; any other is credited with exactly what the parts are worth at their rates.
create or replace function ledger.exchange_fits(
    p_pricing jsonb, p_exchanged jsonb, p_minor numeric, p_currency text
) returns boolean
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when paid_in(p_pricing) is null then p_exchanged is null
        else coalesce(
            p_exchanged #>> '{amount,currency}' = paid_in(p_pricing)
            and (p_exchanged #>> '{amount,minor}')::numeric > 0
            and (p_exchanged #>> '{amount,minor}')::numeric = (
                select sum((part #>> '{amount,minor}')::numeric)
                from jsonb_array_elements(p_exchanged->'parts') part
                where part #>> '{amount,currency}' = paid_in(p_pricing))
            and exchanged_worth(p_exchanged, p_currency) = p_minor, false)
    end
$$;
