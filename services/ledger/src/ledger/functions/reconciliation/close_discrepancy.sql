-- revision: 3 a4135bd9e82b8d2c
-- Close a discrepancy in the way that `p` of change_discrepancy names, or refuse if an amount would be
-- left.
create or replace function ledger.close_discrepancy(p_target ledger.discrepancy, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    other discrepancy;
    place bigint;
    unbooked numeric := p_target.difference - p_target.booked;
begin
    if p->>'write_off' is not null then
        place := write_off(p_target, unbooked, p);
    elsif p->>'with' is not null then
        select * into other from discrepancy where discrepancy_id = (p->>'with')::bigint;
        if other.state is null or other.state = 'closed'
           or (other.method, other.livemode, other.currency)
              is distinct from (p_target.method, p_target.livemode, p_target.currency)
           or other.in_suspense + p_target.in_suspense <> 0 or unbooked <> 0 then
            perform refuse('the two do not empty suspense together');
        end if;
        perform end_discrepancy(other, 0, null, p);
    elsif p_target.in_suspense <> 0 then
        perform refuse(format('suspense holds %s for it: write it off, or close it with another one',
            amount_text(abs(p_target.in_suspense), p_target.currency)));
    elsif unbooked <> 0 then
        perform refuse(format('our books differ by %s still: write it off, or explain it',
            amount_text(abs(unbooked), p_target.currency)));
    end if;
    perform end_discrepancy(
        p_target, case when place is not null then unbooked else 0 end, place, p);
end
$$;
