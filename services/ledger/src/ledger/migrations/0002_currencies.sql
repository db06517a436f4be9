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

insert into ledger.currency (code, exponent, unit) values
    ('KES', 2, 0.01),
    ('TZS', 2, 0.01),
    ('UGX', 0, 1),
    ('RWF', 0, 1),
    ('USD', 2, 0.01),
    ('EUR', 2, 0.01),
    ('GBP', 2, 0.01),
    ('BTC', 8, 0.00000001),
    ('ETH', 18, 0.000000000000000001);

reset role;
