-- revision: 2 b21cc277e5a3adcc
-- Name the owner of money in review that has no owner; afterwards the payment is resolved like any
-- other. `p`: payment_id, merchant_id, customer_id, operator, reason, at. Returns the log
-- position. Raises CF020 for a payment that has an owner, or that is not in review.
create or replace function ledger.assign_received(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    target payment;
    owner_account bigint;
    place bigint;
begin
    perform check_signed(p);
    select * into target from payment
    where payment_id = (p->>'payment_id')::uuid for no key update;
    if not found or target.merchant_id <> 'house' or target.status <> 'in_review' then
        perform refuse('no payment without an owner is in review under this id');
    end if;
    if coalesce(p->>'merchant_id', 'house') in ('', 'house')
       or coalesce(p->>'customer_id', '') = '' then
        perform refuse('a merchant and a customer are needed');
    end if;
    owner_account := open_account((p->>'merchant_id') || ':' || mode_of(target.livemode),
        'customer:' || (p->>'customer_id') || ':' || target.currency);
    place := take_input('assign', p);
    update payment
    set merchant_id = p->>'merchant_id', customer_id = p->>'customer_id',
        customer_account_id = owner_account, version = version + 1,
        updated_at = greatest(updated_at, (p->>'at')::timestamptz)
    where payment_id = target.payment_id;
    insert into payment_event (
        event_seq, payment_id, version, kind, from_status, disposition, reason, occurred_at)
    values (
        place, target.payment_id, target.version + 1, 'assigned', target.status, 'applied',
        'assigned_by_operator', (p->>'at')::timestamptz);
    perform announce_payment(nextval('ledger.outbox_id_seq'), target.payment_id,
        'payment.in_review', (p->>'at')::timestamptz, null);
    perform pg_notify('cift_payment', target.payment_id::text);
    return place;
end
$$;

grant execute on function ledger.assign_received(jsonb) to cift_operator;
