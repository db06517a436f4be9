-- revision: 2 41d00137c1620c6a
-- End expired holds, in the order in which expire_holds found them. `p`: `hold_keys`, `at`.
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
