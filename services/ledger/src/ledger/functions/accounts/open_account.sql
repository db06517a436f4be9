-- revision: 2 6c516c3ade480d6b
-- The id of the account with this code; created if missing.
--
-- To prevent deadlocks, callers open the platform's accounts before customer accounts, each group
-- in the order of their codes: two transactions that create the same accounts then lock them in the
-- same order.
create or replace function ledger.open_account(p_tenant text, p_code text) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    found_id bigint;
    account_kind account_kind;
begin
    select account_id into found_id from account where tenant = p_tenant and code = p_code;
    if found then
        return found_id;
    end if;
    select * into strict account_kind
    from account_kind k where k.kind = split_part(p_code, ':', 1);
    insert into account (tenant, code, kind, currency, class, normal_side)
    values (p_tenant, p_code, account_kind.kind, split_part(p_code, ':', -1),
            account_kind.class, account_kind.normal_side)
    on conflict (tenant, code) do nothing
    returning account_id into found_id;
    if found then
        insert into balance (account_id, currency, normal, house, floor)
        values (found_id, split_part(p_code, ':', -1),
                case account_kind.normal_side when 'debit' then 1 else -1 end,
                account_kind.house, account_kind.floor);
        return found_id;
    end if;
    -- another transaction inserted it concurrently; our insert waited for its commit
    select account_id into strict found_id from account where tenant = p_tenant and code = p_code;
    return found_id;
end
$$;
