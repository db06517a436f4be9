-- revision: 3 fa55dae27440c825
-- Renamed to refuse_post_settlement.
drop function if exists ledger.refuse_aftermath;
