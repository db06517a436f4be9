-- revision: 7 34a95a94d7ce02fa
-- Renamed to decide_results.
drop function if exists ledger.judge;
