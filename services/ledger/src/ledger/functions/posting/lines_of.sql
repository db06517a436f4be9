-- revision: 5 8ff48fb88c374438
-- The lines of every transaction. Log positions are not drawn yet: `tx_id` is the result's place in
-- the batch times 8, plus the number of the transaction within its result.
create or replace function ledger.lines_of(p_decisions ledger.decision[]) returns ledger.posting_line[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return array(
    -- a deposit increases the provider's balance; a withdrawal and a refund decrease it
    select row(v.place * 8, leg.seq, leg.account_id, leg.amount)::posting_line
    from unnest(p_decisions) v
    cross join lateral (values
        (1, v.provider_account_id, case v.type when 'deposit' then v.minor else -v.minor end),
        (2, v.customer_account_id,
            case v.type when 'deposit' then -v.net_minor else v.net_minor end),
        (3, v.fees_account_id, case v.type when 'refund' then v.fee_minor else -v.fee_minor end),
        (4, v.merchant_account_id,
            case v.type when 'refund' then -v.fee_minor else v.fee_minor end)
    ) leg (seq, account_id, amount)
    where v.posting = 'settlement' and leg.account_id is not null and leg.amount <> 0
) || array(
    select row(v.place * 8, leg.seq,
        case when leg.kind = 'provider' and exchanged_of(v.detail) is not null
            then v.provider_account_id
            else house_account(v.livemode, leg.kind || ':' || v.rail || ':' || v.currency) end,
        leg.sign * case v.type when 'deposit' then v.amount else -v.amount end)::posting_line
    from unnest(p_decisions) v
    cross join (values (1, 'provider', 1), (2, 'suspense', -1)) leg (seq, kind, sign)
    where v.posting = 'suspense'
) || array(
    -- what moved at the provider, if that is another currency
    select row(v.place * 8, 4 + leg.n, leg.account_id, leg.amount)::posting_line
    from unnest(p_decisions) v
    cross join lateral unnest(exchange_legs(array[
        house_account(v.livemode, 'liquidity:' || (exchanged_of(v.detail) #>> '{amount,currency}')),
        house_account(v.livemode, 'provider:' || v.rail || ':'
            || (exchanged_of(v.detail) #>> '{amount,currency}'))],
        exchanged_of(v.detail), 1)) with ordinality as leg (account_id, amount, n)
    where v.posting is not null and exchanged_of(v.detail) is not null
) || array(
    select row(v.place * 8 + 1, leg.seq,
        house_account(v.livemode, leg.kind || ':' || v.rail || ':' || v.provider_fee_currency),
        leg.sign * v.provider_fee)::posting_line
    from unnest(p_decisions) v
    cross join (values (1, 'provider-costs', 1), (2, 'provider', -1)) leg (seq, kind, sign)
    where v.posts_fee
);
end
$$;
