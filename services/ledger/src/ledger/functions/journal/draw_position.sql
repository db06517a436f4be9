-- revision: 1 ca9bc869fca16005
-- The next number of the log: see the sequence ledger.log_position.
create or replace function ledger.draw_position() returns bigint
language sql volatile
return nextval('ledger.log_position');
