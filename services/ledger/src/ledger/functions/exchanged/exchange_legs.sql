-- revision: 1 5004a7ea9ca4aea3
-- The legs of an exchanged amount that came in (1) or went back (-1): the provider holds it for us, and
-- our own money in that currency gives or takes it. `p_accounts` are those of exchange_accounts.
create or replace function ledger.exchange_legs(
    p_accounts bigint[], p_exchanged jsonb, p_sign integer
) returns ledger.leg[]
language sql immutable
set search_path = ledger, pg_temp
as $$
    select case when p_accounts is null then '{}' else array[
        row(p_accounts[2], p_sign * (p_exchanged #>> '{amount,minor}')::numeric)::leg,
        row(p_accounts[1], -p_sign * (p_exchanged #>> '{amount,minor}')::numeric)::leg] end
$$;
