-- revision: 2 16b789485c58e1a2
-- For `cift reconcile mpesa --pulled`. Contains no encrypted columns, and no references that belong
-- to other systems.
create or replace view mpesa.pulled_line as
    select receipt, reference, amount_minor, at from mpesa.pulled
     where receipt is not null and amount_minor is not null and at is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'cift_operator') then
        grant select on mpesa.pulled_line to cift_operator;
    end if;
end
$$;
