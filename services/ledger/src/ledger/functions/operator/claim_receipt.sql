-- revision: 3 8948a0be97ff54b1
-- Assign the provider's receipt to this payment, or refuse if another payment has it.
create or replace function ledger.claim_receipt(p_done ledger.payment) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    owner uuid;
begin
    insert into receipt (method, reference, payment_id)
    select p_done.rail, p_done.provider_reference, p_done.payment_id
    where p_done.provider_reference is not null
    on conflict (method, reference) do nothing;
    select payment_id into owner
    from receipt where method = p_done.rail and reference = p_done.provider_reference;
    if owner <> p_done.payment_id then
        perform refuse(format('%s is the receipt of payment %s', p_done.provider_reference, owner));
    end if;
end
$$;
