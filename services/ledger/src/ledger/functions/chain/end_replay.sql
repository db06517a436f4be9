-- revision: 1 c383559df49da7ae
-- What was taken in at a position once is taken in there again, or the log is not of these books.
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
