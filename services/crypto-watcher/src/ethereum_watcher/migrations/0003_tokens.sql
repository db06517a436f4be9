-- Tokens (ERC-20) arrive beside ether.

alter table ethereum.arrival
    add column currency text not null default 'ETH';

comment on column ethereum.arrival.wei is 'in the smallest unit of the currency';
comment on column ethereum.arrival.place is
    '-1: a transaction of ether; of a token: the place of its log in the transaction; otherwise the '
    'index of the address, and the hash is that of a final block';
