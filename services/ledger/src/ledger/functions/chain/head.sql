-- revision: 2 ee7ea16d0ed1713b
-- The newest block of the chain; before the first block, the genesis.
create or replace view ledger.head as
select coalesce(b.hash, ledger.genesis()) as hash, coalesce(b.height, 0) as transactions,
    b.to_tx as last_transaction_id, b.sealed_at, coalesce(b.block_id, 0) as block
from (values (1)) one
left join lateral (select * from ledger.block order by block_id desc limit 1) b on true;

grant select on ledger.head to cift_ledger, cift_gateway, cift_operator;
