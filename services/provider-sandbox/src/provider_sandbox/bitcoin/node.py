"""The node: chain, mempool, faucet, and the miner that tests command."""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from provider_sandbox.bitcoin.assembly import choose
from provider_sandbox.bitcoin.block import Block, Draft, build_block
from provider_sandbox.bitcoin.chain import Chain, Entry, Move
from provider_sandbox.bitcoin.faucet import SCRIPT, Faucet
from provider_sandbox.bitcoin.mempool import Mempool, Pooled
from provider_sandbox.bitcoin.outside import Outside
from provider_sandbox.bitcoin.policy import Fees
from provider_sandbox.bitcoin.transaction import Transaction
from provider_sandbox.node_rpc.behaviour import Behaviour

FIRST_BLOCKS = 200
"""Mined at the start: the rewards of the first hundred can be spent."""
_SPACING_S = 600


@dataclass(slots=True)
class Node:
    """One Bitcoin node on a chain of its own."""

    now: Callable[[], int] = field(default=lambda: int(time.time()))
    """Seconds since 1970."""
    chain: Chain = field(default_factory=Chain)
    fees: Fees = field(default_factory=Fees)
    behaviour: Behaviour = field(default_factory=Behaviour)
    outside: Outside = field(default_factory=Outside)
    pool: Mempool = field(init=False)
    faucet: Faucet = field(init=False)
    started: int = field(init=False)
    _built: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.pool = Mempool(self.chain, self.fees)
        self.faucet = Faucet(self.pool)
        self.started = self.now()
        start = self.started - FIRST_BLOCKS * _SPACING_S
        for height in range(FIRST_BLOCKS):
            time_ = start + height * _SPACING_S
            self.submit(self._drafted(self.chain.tip, [], 0, SCRIPT, time_).raw)

    def close(self) -> None:
        """Delete the node's files."""
        self.chain.close()

    def submit(self, raw: bytes) -> None:
        """Add a block.

        Raises:
            BlockRefused: it is not accepted.
        """
        self._moved(self.chain.add(raw))

    def send(self, transaction: Transaction) -> Pooled:
        """Accept a transaction into the mempool.

        Raises:
            Rejected: it is not accepted.
        """
        return self.pool.accept(transaction, now=self.now())

    def mine(
        self, count: int, *, script: bytes = SCRIPT, only: AbstractSet[str] | None = None
    ) -> list[str]:
        """Mine blocks on the active chain; returns their hashes.

        Args:
            count: how many.
            script: receives the rewards.
            only: the first block has only these transactions and their unconfirmed ancestors, the
                others none; None: what miners would take.

        Raises:
            BlockRefused: the kernel does not accept the block.
        """
        hashes = []
        for _ in range(count):
            chosen = choose(self.pool, only)
            content = [one.transaction for one in chosen]
            fees = sum(one.fee for one in chosen)
            block = self.build(self.chain.tip, content, fees, script)
            self.submit(block.raw)
            hashes.append(block.hash)
        return hashes

    def invalidate(self, block_hash: str) -> None:
        """Treat a block as invalid, as `invalidateblock`."""
        self._moved(self.chain.invalidate(block_hash))

    def reconsider(self, block_hash: str) -> None:
        """Undo `invalidate`."""
        self._moved(self.chain.reconsider(block_hash))

    def build(
        self, below: Entry, transactions: Sequence[Transaction], fees: int, script: bytes = SCRIPT
    ) -> Block:
        """A block on top of another one; it is not added.

        Args:
            below: the other block.
            transactions: parents before children.
            fees: of the transactions, in satoshi.
            script: receives the reward.
        """
        return self._drafted(below, transactions, fees, script, self.now())

    def _drafted(
        self,
        below: Entry,
        transactions: Sequence[Transaction],
        fees: int,
        script: bytes,
        earliest: int,
    ) -> Block:
        self._built += 1
        draft = Draft(
            previous=below.block.hash,
            height=below.height + 1,
            time=max(earliest, self.chain.median_time(below) + 1),
            reward_script=script,
            fees=fees,
            transactions=transactions,
            extra=self._built,
        )
        return build_block(draft)

    def _moved(self, move: Move) -> None:
        """Bring the mempool in line with the chain."""
        for block in move.connected:
            self.pool.confirm(block.transactions)
        if move.disconnected:
            again = [one for block in move.disconnected for one in block.transactions[1:]]
            self.pool.restore(again, self.now())
