-- revision: 1 5852fc0d543f34ec
-- Trigger function: a row without a rail gets that of its method. Gateways of earlier releases name no
-- rail; they run beside this release during an upgrade, and after a rollback.
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
