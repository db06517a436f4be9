-- A provider may charge for work that belongs to no payment: a kind of input.

set local role cift_ledger_owner;

insert into ledger.input_kind (kind, replayed_by) values ('charge', 'charge');

reset role;
