-- The least each service needs. Functions are closed to everybody else since 0001.

set local role cift_ledger_owner;

grant select on all tables in schema ledger to cift_ledger;
grant insert, delete on ledger.outbox to cift_ledger;
grant execute on function
    ledger.apply_results(jsonb, text[]),
    ledger.overdue(timestamptz),
    ledger.sweep(timestamptz, integer),
    ledger.expire_holds(timestamptz, integer)
to cift_ledger;

grant select on
    ledger.currency, ledger.account, ledger.balance, ledger.payment, ledger.payment_event,
    ledger.payment_transition, ledger.receipt, ledger.ledger_tx, ledger.entry, ledger.hold
to cift_gateway;
grant execute on function
    ledger.accept_payment(jsonb),
    ledger.accept_refund(jsonb),
    ledger.request_cancel(uuid, text, boolean, timestamptz)
to cift_gateway;

reset role;
