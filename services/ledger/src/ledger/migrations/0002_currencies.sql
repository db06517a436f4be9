-- Currencies and their smallest units; the same table as cift_shared.money.EXPONENTS (a test
-- compares them).

set local role cift_ledger_owner;

create table ledger.currency (
    code     text primary key,
    exponent smallint not null check (exponent between 0 and 30),
    -- one minor unit as a decimal number with exactly `exponent` places: minor * unit prints as the
    -- API writes amounts, without a rounding or a division
    unit     numeric not null check (unit > 0 and scale(unit) = exponent)
);

insert into ledger.currency (code, exponent, unit)
select code, 2, 0.01
from string_to_table(
    'KES TZS USD EUR GBP AED AUD BRL CAD CHF CNY CZK DKK EGP ETB GHS HKD HUF ILS INR MAD MUR MXN '
    'MYR NGN NOK NZD PHP PLN QAR RON SAR SEK SGD THB TRY TWD ZAR ZMW', ' ') as code
union all
select code, 0, 1
from string_to_table(
    'UGX RWF BIF CLP DJF GNF ISK JPY KMF KRW PYG VND VUV XAF XOF XPF', ' ') as code
union all
select code, 3, 0.001
from string_to_table('BHD JOD KWD OMR TND', ' ') as code
union all
values ('BTC', 8, 0.00000001), ('ETH', 18, 0.000000000000000001);

reset role;
