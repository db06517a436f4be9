-- revision: 4 4853d65638b06c21
-- As `request_cancel_2`, only for payments that were not sent to the provider; called by gateways of
-- earlier releases.
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
