-- One method of the API may have several rails, for example one per country. Accounts, receipts and
-- workers belong to a rail. Until now every rail had the name of its method.

alter table ledger.payment add column rail text;
update ledger.payment set rail = method;
alter table ledger.payment alter column rail set not null;

alter type ledger.told rename attribute method to rail;
alter type ledger.verdict rename attribute method to rail;
alter type ledger.locked rename attribute method to rail;
alter type ledger.payment_shown add attribute rail text;

-- Gateways of earlier releases read these columns, so they keep their names.
comment on column ledger.receipt.method is 'The rail whose provider gave the reference.';
comment on column ledger.dispute.method is 'The rail whose provider named the dispute.';
comment on column ledger.discrepancy.method is 'The rail whose statement was compared.';
comment on column ledger.provider_line.method is 'The rail whose provider wrote the statement.';

drop trigger payment_terms_are_fixed on ledger.payment;
create trigger payment_terms_are_fixed
    before update of payment_id, merchant_id, livemode, customer_id, type, method, rail, currency,
        pricing, parent_payment_id, command, created_at,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id
    on ledger.payment
    for each row execute function ledger.refuse_change();
