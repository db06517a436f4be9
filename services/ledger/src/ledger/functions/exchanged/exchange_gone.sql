-- revision: 1 9453b8fe6288fb3b
-- True if a reversal of a payment can't have moved this at the provider: another currency, or more
-- than the provider still holds of the payment.
create or replace function ledger.exchange_gone(p_payment ledger.payment, p_exchanged jsonb) returns boolean
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when paid_in(p_payment.pricing) is null then p_exchanged is not null
        else coalesce(
            p_exchanged #>> '{amount,currency}' <> paid_in(p_payment.pricing)
            or (p_exchanged #>> '{amount,minor}')::numeric not between 1 and (
                select sum(e.amount)
                from ledger_tx tx
                join entry e using (tx_id)
                where tx.payment_id = p_payment.payment_id
                  and e.account_id = house_account(p_payment.livemode, 'provider:'
                      || p_payment.rail || ':' || paid_in(p_payment.pricing))), true)
    end
$$;
