-- revision: 1 5a55c45184cf2a4b
-- How far the chain has come; before the first block, the genesis.
create or replace view ledger.head as
select coalesce(b.hash, ledger.genesis()) as hash, coalesce(b.height, 0) as transactions,
    b.to_tx as last_transaction_id, b.sealed_at, coalesce(b.block_id, 0) as block
from (values (1)) one
left join lateral (select * from ledger.block order by block_id desc limit 1) b on true;

grant select on ledger.head to cift_ledger, cift_gateway, cift_operator;
