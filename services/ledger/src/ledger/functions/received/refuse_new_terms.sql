-- revision: 3 054da55fc4fe765c
-- Trigger function: the terms of a payment never change, except that an operator names the owner of
-- money in review that has no owner, once.
create or replace function ledger.refuse_new_terms() returns trigger
language plpgsql
as $$
begin
    if old.merchant_id <> 'house' or old.status <> 'in_review' or new.merchant_id = 'house'
       or (new.payment_id, new.livemode, new.type, new.method, new.rail, new.currency, new.pricing,
           new.parent_payment_id, new.command, new.created_at, new.provider_account_id,
           new.fees_account_id, new.merchant_account_id)
          is distinct from
          (old.payment_id, old.livemode, old.type, old.method, old.rail, old.currency, old.pricing,
           old.parent_payment_id, old.command, old.created_at, old.provider_account_id,
           old.fees_account_id, old.merchant_account_id) then
        raise exception 'the terms of payment % are fixed', old.payment_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create or replace trigger payment_terms_are_fixed
    before update of payment_id, merchant_id, livemode, customer_id, type, method, rail, currency,
        pricing, parent_payment_id, command, created_at,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id
    on ledger.payment
    for each row execute function ledger.refuse_new_terms();
