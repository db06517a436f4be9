-- What a worker estimates that the network charges for a payment: the entries of its report, with their
-- time by the gateway's clock. Old gateways write and read nothing of it; what they leave unchanged gets
-- too old to be used.
alter table gateway.rail_status add column network_fees jsonb not null default '[]';
