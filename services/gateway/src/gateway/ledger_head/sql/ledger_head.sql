-- How far the hash chain over the journal has come; before the first block, its genesis.
select encode(hash, 'hex') as hash, transactions, last_transaction_id::text, sealed_at, block
from ledger.head
