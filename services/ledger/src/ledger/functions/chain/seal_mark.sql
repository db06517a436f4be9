-- revision: 1 ce32d67f352691fa
-- A mark for `seal`: every transaction up to `last_tx` either has committed or was taken back once
-- no transaction older than `horizon` runs.
--
-- Why: a writer has a transaction id (it holds row locks) before it draws its position. The
-- position is read first here, the id taken second; so whoever drew a position up to the mark has
-- an older id than this one. The mark must not be kept across a restore: ids start anew.
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
