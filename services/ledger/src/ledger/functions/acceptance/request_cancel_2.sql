-- revision: 3 d162cfe7da36c2d1
-- Store the merchant's request to cancel a payment; the worker decides whether it can still be
-- canceled. Returns the current status. Raises CF005 if the merchant has no such payment, CF004 if
-- the payment has left `pending`, or with p_after_submit (its rail can cancel at the provider) if it
-- has ended.
create or replace function ledger.request_cancel_2(
    p_payment_id uuid, p_merchant_id text, p_livemode boolean, p_after_submit boolean,
    p_at timestamptz default now()
) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    target payment;
begin
    select * into target
    from payment
    where payment_id = p_payment_id and merchant_id = p_merchant_id and livemode = p_livemode
    for no key update;
    if not found then
        raise exception 'not_found' using errcode = 'CF005';
    end if;
    if target.status <> 'pending'
       and not (p_after_submit and target.status in ('processing', 'requires_action')) then
        raise exception 'not_cancelable' using errcode = 'CF004';
    end if;
    if not exists (select from payment_event
                   where payment_id = p_payment_id and kind = 'cancel_requested') then
        insert into payment_event (
            event_seq, payment_id, version, kind, from_status, disposition, occurred_at)
        values (
            draw_position(), target.payment_id, target.version, 'cancel_requested', target.status,
            'noted', p_at);
    end if;
    return target.status;
end
$$;

grant execute on function ledger.request_cancel_2(uuid, text, boolean, boolean, timestamptz) to cift_gateway;
