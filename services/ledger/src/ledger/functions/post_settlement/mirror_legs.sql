-- revision: 3 8efe44aa4891820a
-- Replaced by payout_legs_reversed, which reverses a part of a payout, too.
drop function if exists ledger.mirror_legs;
