-- What each worker's process last reported about its provider. A process that is gone leaves its row
-- behind; rows of long silent ones are deleted.
create table gateway.rail_status (
    rail        text not null,
    instance    text not null,          -- the worker's process
    available   boolean not null,
    reason      text,                   -- why not, as a word
    reported_at timestamptz not null,   -- by the worker's clock, never later than seen_at
    seen_at     timestamptz not null,   -- when the gateway read it, by the gateway's clock
    since       timestamptz not null,   -- since when each report has said the same
    primary key (rail, instance),
    check ((reason is null) = available),
    check (reported_at <= seen_at)
);

grant select, insert, update, delete on gateway.rail_status to cift_gateway;
