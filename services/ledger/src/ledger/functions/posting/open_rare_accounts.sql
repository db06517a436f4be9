-- revision: 5 7c8f301a06f2bad0
-- Create accounts that few payments need, when the first payment needs them.
create or replace function ledger.open_rare_accounts(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform open_account(tenant, code)
    from (
        select distinct house_tenant(v.livemode) as tenant, needed.code
        from unnest(p_decisions) v
        cross join lateral (values
            ('provider:' || v.rail || ':' || v.currency,
                v.posting = 'suspense' and exchanged_of(v.detail) is null),
            ('provider:' || v.rail || ':' || (exchanged_of(v.detail) #>> '{amount,currency}'),
                v.posting is not null and exchanged_of(v.detail) is not null),
            ('liquidity:' || (exchanged_of(v.detail) #>> '{amount,currency}'),
                v.posting is not null and exchanged_of(v.detail) is not null),
            ('suspense:' || v.rail || ':' || v.currency, v.posting = 'suspense'),
            ('provider:' || v.rail || ':' || v.provider_fee_currency, v.posts_fee),
            ('provider-costs:' || v.rail || ':' || v.provider_fee_currency, v.posts_fee)
        ) needed (code, wanted)
        where needed.wanted
        order by tenant, code
    ) missing;
end
$$;
