-- No just-in-time compilation inside the ledger's functions, whoever calls them.
--
-- Functions that turn plan kinds off get plans at a price of 1e10, which is above every threshold of
-- the JIT. A server with the JIT, on by default, then compiles each of their statements at each call:
-- up to a second of CPU for one settlement. Sessions of ours turn it off as well, but others call
-- these functions too, and a setting of the role would not do: PostgreSQL applies it at login, not
-- to a role that a session takes on.
--
-- Every entry point (security definer) and every function that is set-wise has the setting; what
-- they call inherits it. `create or replace function` drops settings that it does not repeat.

set local role cift_ledger_owner;

alter function ledger.accept_payment set jit = off;
alter function ledger.accept_refund set jit = off;
alter function ledger.apply_aftermath set jit = off;
alter function ledger.apply_results set jit = off;
alter function ledger.balance_as_of set jit = off;
alter function ledger.capture_hold set jit = off;
alter function ledger.change_discrepancy set jit = off;
alter function ledger.convert set jit = off;
alter function ledger.correct set jit = off;
alter function ledger.expire_holds set jit = off;
alter function ledger.overdue set jit = off;
alter function ledger.place_operator_hold set jit = off;
alter function ledger.record_reconciliation set jit = off;
alter function ledger.release_hold set jit = off;
alter function ledger.replay_input set jit = off;
alter function ledger.replay_results set jit = off;
alter function ledger.request_cancel set jit = off;
alter function ledger.resolve set jit = off;
alter function ledger.seal set jit = off;
alter function ledger.seal_mark set jit = off;
alter function ledger.sweep set jit = off;
alter function ledger.transaction_digests set jit = off;

reset role;
