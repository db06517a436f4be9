-- revision: 1 b8f40978c2e0c522
-- Insert payments as `pending`, each with its first event, whatever their other columns contain. For
-- money out, the caller has already reserved the amounts: that locks the balances, and the log
-- positions must be drawn after those locks.
create or replace function ledger.store_payments(p_payments ledger.payment[]) returns void
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
    select
        p.payment_id, p.merchant_id, p.livemode, p.customer_id,
        p.type, p.method, p.rail, p.minor, p.currency,
        p.fee_minor, p.net_minor, p.parent_payment_id, p.instrument,
        p.description, p.return_url, coalesce(p.metadata, '{}'),
        p.command, p.estimated_arrival, p.created_at, p.created_at,
        p.created_at, p.customer_account_id, p.provider_account_id,
        p.fees_account_id, p.merchant_account_id, p.pricing,
        -- only deposits may have `as_received`; earlier releases send no policy
        case p.type when 'deposit' then coalesce(p.amount_policy, 'exact') else 'exact' end
    from unnest(p_payments) p;
    insert into unfinished (payment_id) select payment_id from unnest(p_payments);
    insert into payment_event (
        event_seq, payment_id, version, kind, to_status, disposition, detail, occurred_at)
    select
        draw_position(), p.payment_id, 1, 'accepted', 'pending', 'applied',
        -- the requested amounts; the payment may be completed with other amounts
        jsonb_build_object('minor', p.minor::text, 'fee_minor', p.fee_minor::text,
                           'net_minor', p.net_minor::text),
        p.created_at
    from unnest(p_payments) p;
    insert into hold (payment_id, account_id, amount, created_at)
    select p.payment_id, p.customer_account_id, p.net_minor, p.created_at
    from unnest(p_payments) p
    where p.type <> 'deposit';
end
$$;
