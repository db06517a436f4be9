-- Transfers between our own addresses: what deposits have left at theirs goes to the account that
-- pays, and ether for gas goes to addresses that hold tokens. The ledger is told their fees, and
-- those of transactions that only use a nonce up.

alter table ethereum.payout
    add column index      bigint references ethereum.address (index),
    add column charged_at timestamptz;

comment on column ethereum.payout.index is
    'of the deposit address that is emptied, or gets ether for gas; null: any other transaction';
comment on column ethereum.payout.charged_at is
    'when the ledger was told its fee; null: not yet, or a payment bears it';

-- One at a time for an address: so its nonces have no gap, and what it holds is moved once.
create unique index payout_open_transfer on ethereum.payout (index)
    where index is not null and nonce is not null and settled_hash is null;
create index payout_transfers on ethereum.payout (index) where index is not null;
create index payout_uncharged on ethereum.payout (payment_id)
    where charged_at is null and (is_filler or index is not null);

alter table ethereum.spending drop constraint spending_wei_check;

comment on table ethereum.spending is
    'what transactions of our own took from our addresses: a part of why a balance changes';
comment on column ethereum.spending.wei is
    'value and fee; negative: ether for gas that the account that pays has sent there';
comment on table ethereum.hot_account is
    'the account that pays, and addresses of deposits that were emptied';
comment on table ethereum.hot_transaction is
    'every transaction of our accounts in our chain, of whoever has their keys';
