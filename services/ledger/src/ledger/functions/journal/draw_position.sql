-- revision: 2 9e3a7a19c1c48793
-- The next position of the log; see the sequence ledger.log_position.
create or replace function ledger.draw_position() returns bigint
language sql volatile
return nextval('ledger.log_position');
