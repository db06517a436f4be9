-- revision: 2 89fe55cc75b45e25
-- Move the rest of a discrepancy to the account that `p` names in `write_off`. Returns the log
-- position.
create or replace function ledger.write_off(p_target ledger.discrepancy, p_unbooked numeric, p jsonb)
returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    posting jsonb := jsonb_build_object(
        'method', p_target.method, 'livemode', p_target.livemode, 'currency', p_target.currency,
        'name', p_target.name, 'against', p->>'write_off', 'operator', p->>'operator', 'reason', p->>'reason',
        'at', p->>'at');
    place bigint;
begin
    if p->>'write_off' not in ('adjustments', 'provider-costs', 'losses') then
        perform refuse('written off is to adjustments, provider-costs or losses');
    end if;
    if p_unbooked <> 0 then
        place := book_reconciliation(posting || jsonb_build_object(
            'amount', p_unbooked::text, 'ref', next_reference(posting, p_target.name)));
    end if;
    if p_target.in_suspense <> 0 then
        place := book_write_off(
            posting || jsonb_build_object('amount', p_target.in_suspense::text));
    end if;
    return place;
end
$$;
