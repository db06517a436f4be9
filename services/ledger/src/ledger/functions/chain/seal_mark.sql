-- revision: 2 28aacab9ca78c570
-- A mark for `seal`: once no transaction older than `horizon` is running, every transaction up to
-- `last_tx` has committed or rolled back.
--
-- Reason: a writer has its transaction id (it holds row locks) before it draws a log position. This
-- function reads the position first and takes its own transaction id second. So every writer that
-- drew a position up to the mark has an older id than this one. A mark is not valid after a
-- database restore, because transaction ids start again.
create or replace function ledger.seal_mark(out last_tx bigint, out horizon xid8)
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
begin
    select case when is_called then last_value * 8 + 7 else 0 end into last_tx from log_position;
    horizon := pg_current_xact_id();
end
$$;

grant execute on function ledger.seal_mark() to cift_ledger;
