-- Lists of saved methods by customer, page after page in either direction.
create index payment_method_by_customer on gateway.payment_method
    (merchant_id, livemode, customer_id, created_at desc, payment_method_id desc);
