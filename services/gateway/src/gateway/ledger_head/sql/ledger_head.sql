-- The newest block of the hash chain over the journal; before the first block, the genesis.
select encode(hash, 'hex') as hash, transactions, last_transaction_id::text, sealed_at, block
from ledger.head
