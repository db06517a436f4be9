-- A completed deposit with this method verifies it: the payment has the method's sealed text.
update gateway.payment_method saved
set verified_at = coalesce(saved.verified_at, (
    select min(payment.updated_at)
    from ledger.payment
    where payment.merchant_id = saved.merchant_id
      and payment.livemode = saved.livemode
      and payment.created_at >= saved.created_at
      and payment.customer_id = saved.customer_id
      and payment.type = 'deposit'
      and payment.status = 'completed'
      and payment.instrument ->> 'sealed' = saved.sealed
))
where payment_method_id = $1 and merchant_id = $2 and livemode = $3 and state <> 'detached'
  and rail = any($4::text[])
returning *
