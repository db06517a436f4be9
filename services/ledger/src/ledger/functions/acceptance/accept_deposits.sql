-- revision: 2 035c1249509f21d6
-- Accept deposits, whose accounts exist; each `p` is as in accept_payment. The database refuses none:
-- a deposit reserves nothing.
create or replace function ledger.accept_deposits(p_requests jsonb[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform store_payments(array(
        select jsonb_populate_record(null::payment, p || jsonb_build_object(
            'rail', named.rail,
            'parent_payment_id', null,
            'fees_account_id', house_account(
                named.livemode, 'fees:' || named.rail || ':' || named.currency),
            'provider_account_id', house_account(
                named.livemode, source_account(p->'pricing', named.rail, named.currency)),
            'merchant_account_id', case p->>'fee_bearer' when 'merchant' then (
                select account_id from account
                where tenant = (p->>'merchant_id') || ':' || mode_of(named.livemode)
                  and code = 'merchant:' || named.currency) end,
            'customer_account_id', customer_account(p, named.currency)))
        from unnest(p_requests) with ordinality as given (p, n)
        cross join lateral (select
            (p->>'livemode')::boolean as livemode,
            coalesce(p->>'rail', p->>'method') as rail,
            p->>'currency' as currency) named
        order by n));
end
$$;
