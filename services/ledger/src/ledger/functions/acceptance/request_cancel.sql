-- revision: 3 0c25ccdc9eea1b79
-- Store the merchant's request to cancel a payment that is not sent: as `request_cancel_2`, for
-- gateways of earlier releases.
create or replace function ledger.request_cancel(
    p_payment_id uuid, p_merchant_id text, p_livemode boolean, p_at timestamptz default now()
) returns text
language sql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
    select request_cancel_2(p_payment_id, p_merchant_id, p_livemode, false, p_at)
$$;

grant execute on function ledger.request_cancel(uuid, text, boolean, timestamptz) to cift_gateway;
