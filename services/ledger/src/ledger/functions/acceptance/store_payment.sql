-- revision: 6 3d0b195fc62908df
-- Insert a payment as `pending` with its first event, whatever its other columns contain. For money
-- out, the caller has already reserved the amount: that locks the balance, and the log position
-- must be drawn after that lock.
create or replace function ledger.store_payment(p_payment ledger.payment) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into payment (
        payment_id, merchant_id, livemode, customer_id, type, method, rail, minor, currency,
        fee_minor, net_minor, parent_payment_id, instrument, description, return_url, metadata,
        command, estimated_arrival, created_at, updated_at, heard_at,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id, pricing,
        amount_policy)
    values (
        p_payment.payment_id, p_payment.merchant_id, p_payment.livemode, p_payment.customer_id,
        p_payment.type, p_payment.method, p_payment.rail, p_payment.minor, p_payment.currency,
        p_payment.fee_minor, p_payment.net_minor, p_payment.parent_payment_id, p_payment.instrument,
        p_payment.description, p_payment.return_url, coalesce(p_payment.metadata, '{}'),
        p_payment.command, p_payment.estimated_arrival, p_payment.created_at, p_payment.created_at,
        p_payment.created_at, p_payment.customer_account_id, p_payment.provider_account_id,
        p_payment.fees_account_id, p_payment.merchant_account_id, p_payment.pricing,
        -- only deposits may have `as_received`; earlier releases send no policy
        case p_payment.type when 'deposit' then coalesce(p_payment.amount_policy, 'exact')
            else 'exact' end);
    insert into unfinished values (p_payment.payment_id);
    insert into payment_event (
        event_seq, payment_id, version, kind, to_status, disposition, detail, occurred_at)
    values (
        draw_position(), p_payment.payment_id, 1, 'accepted', 'pending', 'applied',
        -- the requested amounts; the payment may be completed with other amounts
        jsonb_build_object('minor', p_payment.minor::text, 'fee_minor', p_payment.fee_minor::text,
                           'net_minor', p_payment.net_minor::text),
        p_payment.created_at);
    if p_payment.type <> 'deposit' then
        insert into hold (payment_id, account_id, amount, created_at)
        values (p_payment.payment_id, p_payment.customer_account_id, p_payment.net_minor,
                p_payment.created_at);
    end if;
end
$$;
