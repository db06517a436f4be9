-- revision: 3 62bdb574f11206e6
-- Renamed to record_post_settlement.
drop function if exists ledger.record_aftermath;
