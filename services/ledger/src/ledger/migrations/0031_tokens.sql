-- Tokens whose issuer redeems them for US dollars, with the decimals of their contracts.

set local role cift_ledger_owner;

insert into ledger.currency (code, exponent, unit)
values ('USDC', 6, 0.000001), ('USDT', 6, 0.000001);

reset role;
