-- revision: 2 13830d119f5a66ac
-- Conversions: exchange a customer's money from currency A to B through the platform's liquidity
-- accounts:
--
--     customer:<id>:A  +given      liquidity:A  -given
--     liquidity:B      +received   customer:<id>:B  -received
--
-- The customer receives given x rate, rounded down to the minor unit. The fractions that are cut
-- off accumulate in `carry`, per currency B. When `carry` reaches one minor unit, that unit is
-- posted from liquidity:B to rounding:B. So over time liquidity:B pays out exactly given x rate,
-- and the balance of the rounding account is what rounding has earned.
--
-- Carry out a conversion. `p` has the columns of ledger.conversion from conversion_id to
-- rate_as_of, and requested_at. Returns {"transaction_id"}; a repeat of the same conversion returns
-- the same and changes nothing. Raises CF001 if the customer has less available, check_violation if
-- the amounts do not match the rate.
create or replace function ledger.convert(p jsonb) returns jsonb
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    wish conversion := jsonb_populate_record(null::conversion, p);
    known conversion;
    house text := house_tenant(wish.livemode);
    customer text := 'customer:' || wish.customer_id || ':';
    theirs text := wish.merchant_id || ':' || mode_of(wish.livemode);
    cut_off numeric := worth(wish.from_minor, wish.from_currency, wish.rate, wish.to_currency)
                       - wish.to_minor;
    whole numeric;
    ours_from bigint; ours_to bigint; rounding bigint; theirs_from bigint; theirs_to bigint;
begin
    if cut_off is null or cut_off < 0 or cut_off >= 1 then
        raise exception 'a conversion of % % at % does not bring % %', wish.from_minor,
            wish.from_currency, wish.rate, wish.to_minor, wish.to_currency
            using errcode = 'check_violation';
    end if;
    -- missing accounts are created in one fixed order, or two conversions in opposite directions
    -- would deadlock
    perform open_account(opened.tenant, opened.code)
    from (select needed.tenant, needed.code
          from (values
              (1, house, 'liquidity:' || wish.from_currency),
              (1, house, 'liquidity:' || wish.to_currency),
              (1, house, 'rounding:' || wish.to_currency),
              (2, theirs, customer || wish.from_currency),
              (2, theirs, customer || wish.to_currency)) needed (turn, tenant, code)
          order by needed.turn, needed.code) opened;
    ours_from := open_account(house, 'liquidity:' || wish.from_currency);
    ours_to := open_account(house, 'liquidity:' || wish.to_currency);
    rounding := open_account(house, 'rounding:' || wish.to_currency);
    theirs_from := open_account(theirs, customer || wish.from_currency);
    theirs_to := open_account(theirs, customer || wish.to_currency);
    perform lock_balances(array[theirs_from, theirs_to, ours_from, ours_to, rounding]);

    -- checked under the locks: a concurrent repeat of this conversion waits, then finds the first
    select * into known from conversion where conversion_id = wish.conversion_id;
    if found then
        return jsonb_build_object('transaction_id', known.tx_id::text);
    end if;
    if exists (select from balance b where b.account_id = theirs_from
               and b.normal * b.posted - b.held - wish.from_minor < b.floor) then
        raise exception 'insufficient_funds' using errcode = 'CF001';
    end if;

    select coalesce(max(carry), 0) + cut_off into wish.carry
    from (select carry from conversion
          where livemode = wish.livemode and to_currency = wish.to_currency
          order by position desc limit 1) newest;
    whole := floor(wish.carry);
    wish.carry := wish.carry - whole;
    wish.position := take_input('conversion', p);
    wish.tx_id := write_transaction(
        wish.position, 0, 'conversion', wish.conversion_id::text, null, wish.requested_at,
        array[
            row(theirs_from, wish.from_minor), row(ours_from, -wish.from_minor),
            row(ours_to, wish.to_minor + whole), row(theirs_to, -wish.to_minor),
            row(rounding, -whole)
        ]::leg[]);
    wish.created_at := now();
    insert into conversion select wish.*;
    return jsonb_build_object('transaction_id', wish.tx_id::text);
end
$$;

grant execute on function ledger.convert(jsonb) to cift_gateway;
