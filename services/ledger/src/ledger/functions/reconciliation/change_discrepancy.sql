-- revision: 2 84000e0c466a9c46
-- Apply an operator's decision about a discrepancy. `p`: id, operator, reason, at, and
--   action assign   owner
--   action explain  the amount stays open, and the reason is recorded
--   action close    only if nothing is left: either suspense holds nothing for it; or `with` names
--                   another discrepancy, and the two clear suspense together; or `write_off` names
--                   the account (adjustments, provider-costs, losses) that takes the rest
-- Raises CF020 if it is closed, or if an amount would be left.
create or replace function ledger.change_discrepancy(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    target discrepancy;
begin
    perform check_signed(p);
    perform 1 from discrepancy
    where discrepancy_id in ((p->>'id')::bigint, (p->>'with')::bigint)
    order by discrepancy_id for no key update;
    select * into target from discrepancy where discrepancy_id = (p->>'id')::bigint;
    if not found or target.state = 'closed' then
        perform refuse('no such discrepancy is open');
    end if;
    case p->>'action'
        when 'assign' then
            update discrepancy set owner = p->>'owner', changed_at = (p->>'at')::timestamptz
            where discrepancy_id = target.discrepancy_id;
        when 'explain' then
            update discrepancy
            set state = 'explained', note = p->>'reason', changed_at = (p->>'at')::timestamptz
            where discrepancy_id = target.discrepancy_id;
        when 'close' then
            perform close_discrepancy(target, p);
        else
            raise exception 'unknown action %', p->>'action'
                using errcode = 'invalid_parameter_value';
    end case;
    if p->>'action' <> 'close' then
        perform note_discrepancy(target.discrepancy_id, p->>'action', p);
    end if;
end
$$;

grant execute on function ledger.change_discrepancy(jsonb) to cift_operator;
