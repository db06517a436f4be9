-- What the explorer says of money at the address that all deposits share.

alter table ethereum.arrival
    add column explorer_block    text,
    add column explorer_doubt    text,
    add column explorer_asked_at timestamptz;

comment on column ethereum.arrival.explorer_block is
    'the block where the explorer has the same; another than block_hash: not confirmed (any more)';
comment on column ethereum.arrival.explorer_doubt is
    'why the explorer did not confirm it when it was asked last; null: it did, or was never asked';
