-- revision: 4 1ce6ddd198b8957c
-- Record money that no command asked for: a second transfer to an address, a payment to an account
-- number. `p` is a messages.PaymentResult of kind `received`; its payment id follows from rail and
-- reference. If the owner is known and a fee can be taken, a completed deposit is stored and credited.
-- Otherwise the money goes to suspense, and its payment to review; without an owner it belongs to the
-- house until an operator assigns it (assign_received).
--
-- Returns the outcome: applied, conflict if an operator must look, or duplicate: the reference is the
-- receipt of a payment already, this one or another, so the money was recorded before.
create or replace function ledger.receive(p jsonb, p_traceparent text default null) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    done payment := received_terms(p);
    doubt text := case when exchange_fits(done.pricing, exchanged_of(p), done.minor, done.currency)
        then received_doubt(done) else 'exchange_unreadable' end;
    exchange bigint[];
    suspense bigint;
    place bigint;
begin
    -- the transaction that inserts the receipt stores the payment; a concurrent one waits here
    insert into receipt (method, reference, payment_id)
    values (done.rail, done.provider_reference, done.payment_id)
    on conflict do nothing;
    if not found then
        return 'duplicate';
    end if;
    done.status := case when doubt is null then 'completed' else 'in_review' end;
    done.fee_minor := case when doubt is null then done.fee_minor else 0 end;
    done.net_minor := done.minor
        - case when done.merchant_account_id is null then done.fee_minor else 0 end;
    exchange := exchange_accounts(done);
    done := received_accounts(done);
    if doubt is not null then
        suspense := house_account_made(done, 'suspense', done.currency);
    end if;
    perform lock_balances(array[done.customer_account_id, done.provider_account_id,
        done.fees_account_id, done.merchant_account_id, suspense] || exchange);
    place := take_input('receive', p);
    perform store_received(done, place, p, doubt);
    perform write_transaction(place, 0,
        case when doubt is null then 'settlement' else 'suspense' end, done.payment_id::text,
        done.payment_id, done.created_at, case when doubt is null then array[
            row(done.provider_account_id, done.minor)::leg,
            row(done.customer_account_id, -done.net_minor)::leg,
            row(done.fees_account_id, -done.fee_minor)::leg]
            || case when done.merchant_account_id is null then '{}'
               else array[row(done.merchant_account_id, done.fee_minor)::leg] end
        else array[
            row(done.provider_account_id, done.minor)::leg,
            row(suspense, -done.minor)::leg] end
        || exchange_legs(exchange, exchanged_of(p), 1));
    if done.merchant_id <> 'house' then
        perform announce_payment(nextval('ledger.outbox_id_seq'), done.payment_id,
            'payment.' || done.status, done.created_at, p_traceparent);
        perform pg_notify('cift_payment', done.payment_id::text);
    end if;
    return case when doubt is null then 'applied' else 'conflict' end;
end
$$;

grant execute on function ledger.receive(jsonb, text) to cift_ledger;
