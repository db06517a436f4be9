-- In which currencies a worker has too little to pay out; old gateways write and read nothing of it.
alter table gateway.rail_status add column float_low text[] not null default '{}';
