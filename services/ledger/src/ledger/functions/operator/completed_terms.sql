-- revision: 4 b47b0b8db0f2fedd
-- The payment as it will be after it completes on the operator's terms, or a refusal.
create or replace function ledger.completed_terms(
    p_payment ledger.payment, p_held ledger.hold, p_suspended ledger.suspended, p jsonb
) returns ledger.payment
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    done payment := p_payment;
begin
    if p_payment.merchant_id = 'house' then
        perform refuse('nobody owns it yet: assign it first');
    end if;
    if p_suspended.currency <> p_payment.currency then
        perform refuse(format('what moved is in %s, the payment in %s: resolve it as failed',
            p_suspended.currency, p_payment.currency));
    end if;
    done.minor := coalesce((p->>'amount')::numeric, abs(p_suspended.amount));
    done.provider_reference := coalesce(p->>'provider_reference', p_payment.provider_reference);
    if done.minor is null or (p_suspended.amount is null and done.provider_reference is null) then
        perform refuse('no money has been booked for it: '
            'the amount that moved and the provider''s reference are needed');
    end if;
    if p_suspended.amount is null and paid_in(p_payment.pricing) is not null then
        perform refuse(format('it is paid in %s, of which nothing is booked: resolve it as failed',
            paid_in(p_payment.pricing)));
    end if;
    if done.minor <= 0 then
        perform refuse('the amount must be above zero');
    end if;
    if p_payment.type = 'refund' then
        if p->>'fee' is not null then
            perform refuse('a refund''s share of the fee follows from its amount');
        end if;
        done.fee_minor := refund_terms(p_payment, p_held, done.minor);
    else
        done.fee_minor := coalesce(
            (p->>'fee')::numeric, case when done.minor = p_payment.minor then p_payment.fee_minor end);
    end if;
    if done.fee_minor is null then
        perform refuse('another amount than was asked for: the fee is needed');
    end if;
    if done.fee_minor < 0 or (p_payment.type <> 'withdrawal' and done.fee_minor > done.minor) then
        perform refuse('the fee must be between zero and the amount');
    end if;
    done.net_minor := case
        when p_payment.merchant_account_id is not null then done.minor
        when p_payment.type = 'withdrawal' then done.minor + done.fee_minor
        else done.minor - done.fee_minor end;
    done.status := 'completed';
    done.failure := null;
    return done;
end
$$;
