-- One method of the API may have several rails, for example one per country. Until now every rail had
-- the name of its method.

create function gateway.name_rail() returns trigger
language plpgsql
as $$
begin
    new.rail := coalesce(new.rail, new.method);
    return new;
end
$$;

alter table gateway.payment_method add column rail text;
update gateway.payment_method set rail = method;
alter table gateway.payment_method alter column rail set not null;

alter table gateway.quote add column rail text;
update gateway.quote set rail = method;
alter table gateway.quote alter column rail set not null;

-- Gateways of earlier releases name no rail. They run beside this release during an upgrade, and
-- after a rollback.
create trigger payment_method_rail before insert on gateway.payment_method
    for each row execute function gateway.name_rail();
create trigger quote_rail before insert on gateway.quote
    for each row execute function gateway.name_rail();
