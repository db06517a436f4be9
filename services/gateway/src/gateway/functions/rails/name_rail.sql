-- revision: 2 540d884f63bfb90c
-- Trigger function: a row without a rail gets the rail with the name of its method. Gateways of
-- earlier releases send no rail; they run beside this release during an upgrade, and after a rollback.
create or replace function gateway.name_rail() returns trigger
language plpgsql
as $$
begin
    new.rail := coalesce(new.rail, new.method);
    return new;
end
$$;

create or replace trigger payment_method_rail before insert on gateway.payment_method
    for each row execute function gateway.name_rail();
create or replace trigger quote_rail before insert on gateway.quote
    for each row execute function gateway.name_rail();
