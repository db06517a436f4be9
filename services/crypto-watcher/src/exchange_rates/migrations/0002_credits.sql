-- What arrivals on a chain were credited with, if their payments are priced in another currency. So what
-- is taken back by a reorganisation, and credited again, has the rates of the first credit.
create table rates.credit (
    rail       text not null,
    hash       text not null,            -- of the arrival, as the chain's schema names it
    place      bigint not null,
    payment_id uuid not null,            -- that was credited
    minor      numeric(38, 0) not null check (minor >= 0),
    currency   text not null,
    primary key (rail, hash, place)
);
create index credit_payment on rates.credit (rail, payment_id);

grant select, insert, update, delete on rates.credit to cift_bitcoin, cift_ethereum;
