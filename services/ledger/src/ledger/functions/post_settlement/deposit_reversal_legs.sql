-- revision: 3 39839cf4a77ad3db
-- Replaced by deposit_legs_reversed, which reverses a part of a deposit, too.
drop function if exists ledger.deposit_reversal_legs;
