-- revision: 7 bbf82e7cadfabaff
-- Insert one payment; see store_payments.
create or replace function ledger.store_payment(p_payment ledger.payment) returns void
language sql volatile
return ledger.store_payments(array[p_payment]);
