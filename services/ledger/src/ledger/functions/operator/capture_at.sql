-- revision: 2 c5c219518301d418
-- Capture `p_taken` of a hold into the account `p_to`, at a position of the log. Returns the
-- transaction.
create or replace function ledger.capture_at(
    p_position bigint, p_held ledger.hold, p_to bigint, p_taken numeric, p_at timestamptz
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform end_hold(p_held.hold_id, 'captured', p_taken, p_at);
    return write_transaction(p_position, 0, 'hold_capture', p_held.hold_key, null, p_at,
        array[row(p_held.account_id, p_taken)::leg, row(p_to, -p_taken)::leg]);
end
$$;
