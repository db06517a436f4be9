-- One method of the API may have several rails, for example one per country. Until now every rail had
-- the name of its method. Gateways of earlier releases name none: a trigger does (rails/name_rail.sql).

alter table gateway.payment_method add column rail text;
update gateway.payment_method set rail = method;
alter table gateway.payment_method alter column rail set not null;

alter table gateway.quote add column rail text;
update gateway.quote set rail = method;
alter table gateway.quote alter column rail set not null;
