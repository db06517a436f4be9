-- revision: 1 27f190aa9f71cc48
-- Post what a provider charged for work on our own money, which belongs to no payment: moving coins
-- between our addresses costs the network's fee. `p` is a messages.PaymentResult of kind `charged`;
-- its payment id follows from rail and reference, and names the posting.
--
-- Returns the outcome: applied, or duplicate if this charge was posted before.
create or replace function ledger.charge(p jsonb, p_traceparent text default null) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    tenant text := house_tenant((p #>> '{charged,livemode}')::boolean);
    account text := coalesce(p->>'rail', p->>'method') || ':' || (p #>> '{provider_fee,currency}');
    fee numeric := (p #>> '{provider_fee,minor}')::numeric;
    provider bigint := open_account(tenant, 'provider:' || account);
    costs bigint := open_account(tenant, 'provider-costs:' || account);
begin
    -- a concurrent call with the same charge waits for these locks until this one has committed
    perform lock_balances(array[provider, costs]);
    if exists (select from ledger_tx where kind = 'provider_fee' and ref = p->>'payment_id') then
        return 'duplicate';
    end if;
    perform write_transaction(take_input('charge', p), 0, 'provider_fee', p->>'payment_id', null,
        (p->>'occurred_at')::timestamptz,
        array[row(costs, fee)::leg, row(provider, -fee)::leg]);
    return 'applied';
end
$$;

grant execute on function ledger.charge(jsonb, text) to cift_ledger;
