-- revision: 2 cf01884bd502ceeb
-- Check that the replayed input used exactly the positions of the original. If not, the log does
-- not belong to this ledger.
create or replace function ledger.end_replay(p_position bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reached bigint;
begin
    select case when is_called then last_value else 0 end into reached from log_position;
    if reached <> p_position then
        raise exception 'up to position % the log was not taken in as before', p_position
            using errcode = 'data_corrupted';
    end if;
end
$$;
