-- revision: 1 efb5d8ff31dcc253
-- Holds that ended by time, as their sweep found them: `hold_keys`, `at`.
create or replace function ledger.end_expired(p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform take_input('holds_expired', p);
    perform end_hold(h.hold_id, 'expired', null, (p->>'at')::timestamptz)
    from jsonb_array_elements_text(p->'hold_keys') as due (hold_key)
    join hold h using (hold_key);
end
$$;
