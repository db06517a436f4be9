-- revision: 2 09cdbc84ec2d987d
-- Operators' decisions: payments in review, corrections, holds.
--
-- Each decision is one input of the log (ledger.input) with the operator and the reason, and one
-- call of a function in this folder; nothing is ever edited. A refusal is SQLSTATE CF020 with a
-- message that can be shown to an operator.
--
-- End a payment in review. `p`: payment_id, as (completed or failed), operator, reason, at; and to
-- complete it: amount, fee (minor units as text) and provider_reference, each if it is not known.
--
-- completed  The customer's balance, our fee and the provider's account become what they would be
--            if this amount had settled. Suspense is cleared. A hold is captured as far as needed
--            and the rest is released. `minor` becomes the amount that moved.
-- failed     A hold is released. The amount in suspense stays there as a discrepancy with an owner
--            and an age (own_suspense), until it is paid back or an operator writes it off.
--
-- Returns {"status", "position", "tx_id"}. Raises CF020 for a payment that is not in review.
create or replace function ledger.resolve(p jsonb) returns jsonb
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    target payment;
    done payment;
    held hold;
    suspended suspended;
    legs leg[];
    place bigint;
begin
    perform check_signed(p);
    select * into target from payment where payment_id = (p->>'payment_id')::uuid;
    perform 1 from payment
    where payment_id in (target.payment_id, target.parent_payment_id)
    order by payment_id for no key update;
    select * into target from payment where payment_id = (p->>'payment_id')::uuid;
    if not found then
        perform refuse('no such payment');
    end if;
    if not exists (select from operator_transition
                   where from_status = target.status and to_status = p->>'as') then
        perform refuse(format('payment %s is %s: only payments in review can be resolved, '
            'as completed or failed', target.payment_id, target.status));
    end if;
    select * into held from hold where payment_id = target.payment_id;
    suspended := suspense_of(target.payment_id);

    if p->>'as' = 'completed' then
        if exists (select from discrepancy
                   where payment_id = target.payment_id and kind = 'unclaimed'
                     and state = 'closed') then
            perform refuse('its money was written off: correct that first');
        end if;
        done := completed_terms(target, held, suspended, p);
        perform claim_receipt(done);
        legs := resolution_legs(done, suspended);
    else
        done := failed_terms(target);
    end if;
    perform lock_balances(array(
        select account_id from unnest(legs) union select held.account_id));
    if done.status = 'completed' and target.type <> 'deposit' then
        perform check_available(target.customer_account_id, done.net_minor,
            case when held.state = 'held' then held.amount else 0 end);
    end if;

    place := take_input('resolve', p);
    if held.state = 'held' then
        perform end_hold(held.hold_id,
            case done.status when 'completed' then 'captured' else 'released' end,
            case done.status when 'completed' then least(held.amount, done.net_minor) end,
            (p->>'at')::timestamptz);
    end if;
    if legs is not null then
        perform write_transaction(place, 0, 'resolution', target.payment_id::text,
            target.payment_id, (p->>'at')::timestamptz, legs);
        perform claim_suspense(target.payment_id, p);
    elsif suspended.amount is not null then
        perform own_suspense(target, suspended, p);
    end if;
    perform settle_parent(target, done, held);
    perform finish_payment(place, done, case when legs is not null then 'resolution' end,
        (p->>'at')::timestamptz);
    return jsonb_build_object('status', done.status, 'position', place,
        'tx_id', case when legs is not null then place * 8 end);
end
$$;

grant execute on function ledger.resolve(jsonb) to cift_operator;
