-- A payment that the provider has can be canceled, if the provider confirms that it moves no money.

set local role cift_ledger_owner;

insert into ledger.payment_transition (from_status, to_status) values
    ('processing', 'canceled'),
    ('requires_action', 'canceled');

reset role;
