-- revision: 6 3c7ca7bbf2cf6934
-- Renamed to update_payments.
drop function if exists ledger.move;
