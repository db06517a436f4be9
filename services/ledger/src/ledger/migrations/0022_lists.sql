-- What merchants list payments and disputes by. Every column below is written once, when the
-- payment is accepted or the dispute is opened: no update touches these indexes, so settling a
-- payment still finds room beside the old row (see fillfactor in 0004).

set local role cift_ledger_owner;

create index payment_by_customer
    on ledger.payment (merchant_id, livemode, customer_id, created_at desc, payment_id desc);
create index payment_refunds_by_merchant
    on ledger.payment (merchant_id, livemode, created_at desc, payment_id desc)
    where type = 'refund';
-- Only payments that have metadata: the others cost nothing.
create index payment_by_metadata on ledger.payment using gin (metadata jsonb_path_ops)
    where metadata <> '{}'::jsonb;
create index dispute_by_time on ledger.dispute (opened_at desc, reference desc);

-- Payments under way are found through the list that the sweeper uses.
grant select on ledger.unfinished to cift_gateway;

reset role;
