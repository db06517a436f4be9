-- revision: 3 d17622a02b51d678
-- Renamed to update_related.
drop function if exists ledger.move_relations;
