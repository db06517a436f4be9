-- revision: 2 32069ab12064bb78
-- True if the provider's reference is the receipt of another payment.
create or replace function ledger.belongs_to_another(p_payment ledger.payment, p_reference text)
returns boolean
language sql stable
set search_path = ledger, pg_temp
as $$
    select exists (
        select from receipt r
        where r.method = p_payment.rail and r.reference = p_reference
          and r.payment_id <> p_payment.payment_id)
$$;
