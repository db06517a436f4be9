-- revision: 5 929e5b4ed48d4b3f
-- The payment that stores money which no command asked for, still without its accounts. The owner is
-- the one in the result, otherwise the owner of the earlier payment that the result names; `house` if
-- there is none, or if the two differ. The fee follows from the earlier payment's pricing, null if
-- that allows no fee to be computed; without an earlier payment there is no fee.
create or replace function ledger.received_terms(p jsonb) returns ledger.payment
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    done payment;
    received jsonb := p->'received';
    related payment;
begin
    done.payment_id := (p->>'payment_id')::uuid;
    done.type := 'deposit';
    done.method := p->>'method';
    done.rail := coalesce(p->>'rail', p->>'method');
    done.livemode := (received->>'livemode')::boolean;
    done.minor := (p #>> '{amount,minor}')::numeric;
    done.currency := p #>> '{amount,currency}';
    done.provider_reference := p->>'provider_reference';
    done.instrument := received->'instrument';
    done.created_at := (p->>'occurred_at')::timestamptz;
    select * into related from payment
    where payment_id = (received->>'related_payment_id')::uuid
      and type = 'deposit' and rail = done.rail and livemode = done.livemode
      and currency = done.currency;
    done.merchant_id := coalesce(received->>'merchant_id', related.merchant_id);
    done.customer_id := coalesce(received->>'customer_id', related.customer_id);
    if done.merchant_id is null or (received->>'related_payment_id' is not null
           and (done.merchant_id, done.customer_id)
               is distinct from (related.merchant_id, related.customer_id)) then
        done.merchant_id := 'house';
        done.customer_id := '';
        done.fee_minor := 0;
        -- without an earlier payment only the result says what it was paid in
        done.pricing := case when exchanged_of(p) is not null then jsonb_build_object(
            'exchange', jsonb_build_object('currency', exchanged_of(p) #>> '{amount,currency}')) end;
        return done;
    end if;
    done.pricing := related.pricing;
    done.merchant_account_id := related.merchant_account_id;
    done.fee_minor := case when related.payment_id is null then 0
        else fee_by_pricing(related.pricing, done.minor, done.currency) end;
    return done;
end
$$;
