-- Several payouts in one transaction: its versions and coins belong to the group's id instead of to a
-- payment's. A payout without a transaction waits for one.

alter table bitcoin.payout
    add column group_id uuid,                        -- null: it is paid alone, or waits
    add column is_alone boolean not null default false;  -- true: it was in a group that was refused
create index payout_group on bitcoin.payout (group_id) where group_id is not null;

alter table bitcoin.spend drop constraint spend_payment_id_fkey;
alter table bitcoin.reserved_coin drop constraint reserved_coin_payment_id_fkey;
