"""The account that pays withdrawals, as the chain has it, in PostgreSQL.

The watcher notes each of its transactions with their block and what they moved of tokens, and its
nonce and balances at each tip; and the transactions of addresses of deposits, which are emptied.
"""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from chain_watch.domain import Derived
from chain_watch.fence import fenced
from chain_watch.heads import Agreed
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.scanner import BlockInvalid
from ethereum_watcher.token_transfers import Placed, transfers_from
from ethereum_watcher.wire import Block, Receipt

SCHEMA = "ethereum"

STORE = """
insert into ethereum.hot_transaction (hash, sender, nonce, block_hash, height, succeeded, fee)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (hash) do nothing
"""
STORE_TRANSFERS = """
insert into ethereum.hot_transfer (hash, place, contract, account, amount)
values ($1, $2, $3, $4, $5) on conflict (hash, place) do nothing
"""
UNDO = """
with gone as (
    delete from ethereum.hot_transaction where block_hash = $1 returning sender, nonce
), lowest as (
    select sender, min(nonce) as nonce from gone group by sender
)
update ethereum.hot_account as account
   set chain_nonce = least(account.chain_nonce, lowest.nonce)
  from lowest where lowest.sender = account.sender
"""
"""The balance stays the one of before: it is too low by what the transactions cost, never too high,
until the next tip."""
FOLLOW = """
insert into ethereum.hot_account (sender, height, chain_nonce, wei) values ($1, $2, $3, $4)
    on conflict (sender) do update
   set height = excluded.height, chain_nonce = excluded.chain_nonce, wei = excluded.wei
"""
FOLLOW_HELD = """
insert into ethereum.hot_token (sender, contract, amount) values ($1, $2, $3)
    on conflict (sender, contract) do update set amount = excluded.amount
"""


@dataclass(frozen=True, slots=True)
class HotTransaction:
    """A transaction of the account, or of an address of a deposit, in a block."""

    hash: str
    sender: bytes
    nonce: int
    succeeded: bool
    fee: int
    """Wei that the network took."""
    moved: Sequence[Placed] = ()
    """What the token that it called says of transfers from the account."""


@dataclass(frozen=True, slots=True)
class HotAccount:
    """The account, for the watcher."""

    pool: "Pool[asyncpg.Record]"
    derived: Derived
    tokens: Mapping[bytes, str]
    """The addresses of the tokens by their 20 bytes."""

    async def transactions(
        self, agreed: Agreed[EthereumNode], block: Block, accounts: Container[bytes] = frozenset()
    ) -> Sequence[HotTransaction]:
        """The transactions of the account, and of our addresses, in a block, with what they did.

        Raises:
            BlockInvalid: a transaction or receipt says that it is of another block.
            NodesDisagree: nodes tell different receipts.
        """
        found = []
        for one in block.transactions:
            if one.sender != self.derived.script and one.sender not in accounts:
                continue
            name = one.hash
            receipt = await agreed.answer(_receipt(name))
            if {one.block_hash, receipt.block_hash} != {block.hash} or receipt.hash != name:
                raise BlockInvalid("a receipt of another transaction")
            fee = receipt.gas_used * receipt.gas_price
            moved = transfers_from(one.sender, one.recipient, receipt)
            found.append(HotTransaction(name, one.sender, one.nonce, receipt.succeeded, fee, moved))
        return found

    async def follow(self, lease: Lease, agreed: Agreed[EthereumNode]) -> None:
        """Note the nonce and the balances after the tip.

        Raises:
            NodesDisagree: nodes tell different numbers.
            LeaseLost: another process leads; nothing was stored.
        """
        address, head = self.derived.address, agreed.head
        nonce = await agreed.answer(lambda node: node.nonce(address, head.hash))
        wei = await agreed.answer(lambda node: node.balance(address, head.hash))
        held = {one: await self._held(agreed, name) for one, name in self.tokens.items()}
        async with fenced(self.pool, SCHEMA, lease) as connection:
            await connection.execute(FOLLOW, self.derived.script, head.height, nonce, wei)
            rows = [(self.derived.script, *token) for token in held.items()]
            await connection.executemany(FOLLOW_HELD, rows)
            failpoint("ethereum.before_account_commit")
        failpoint("ethereum.after_account_commit")

    async def _held(self, agreed: Agreed[EthereumNode], contract: str) -> int:
        account, head = self.derived.script, agreed.head
        return await agreed.answer(lambda node: node.token_balance(contract, account, head.hash))


async def store(
    connection: Connection, found: Sequence[HotTransaction], name: str, height: int
) -> None:
    """Store the transactions of a block, in the transaction that stores the block."""
    for one in found:
        await connection.execute(
            STORE, one.hash, one.sender, one.nonce, name, height, one.succeeded, one.fee
        )
        moved = [(each.place, each.contract, each.account, each.amount) for each in one.moved]
        await connection.executemany(STORE_TRANSFERS, [(one.hash, *each) for each in moved])


async def undo(connection: Connection, name: str) -> None:
    """Forget the transactions of a block that is undone."""
    await connection.execute(UNDO, name)


def _receipt(transaction: str) -> Callable[[EthereumNode], Awaitable[Receipt]]:
    return lambda node: node.receipt(transaction)
