"""The blocks, the active chain as the kernel chose it, and the unspent outputs.

The kernel decides what is valid and which branch is active. It cannot be told to reject a valid
block, so `invalidate` and `reconsider` build its chain state again from the blocks that remain.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from provider_sandbox.bitcoin.block import Block, parse_block, work_of
from provider_sandbox.bitcoin.kernel import Kernel
from provider_sandbox.bitcoin.serial import Malformed
from provider_sandbox.bitcoin.transaction import Outpoint, Output, Transaction

_MEDIAN_BLOCKS = 11
_LARGEST_SCRIPT = 10_000
_RETURN = 0x6A


class BlockRefused(Exception):
    """A block is not accepted; the message is Bitcoin Core's short reason."""


@dataclass(frozen=True, slots=True)
class Coin:
    """An unspent output."""

    output: Output
    height: int
    coinbase: bool


@dataclass(slots=True)
class Entry:
    """A block in the tree of all known blocks."""

    block: Block
    height: int
    work: int
    """Of this block and all below it, in expected hashes."""
    spent: dict[Outpoint, Coin] = field(default_factory=dict)
    """The outputs from earlier blocks that it spends; filled when it is first connected."""


@dataclass(slots=True)
class Move:
    """How the active chain changed."""

    disconnected: list[Block] = field(default_factory=list)
    """From the lowest to the highest."""
    connected: list[Block] = field(default_factory=list)


class Chain:
    """All known blocks and the state after the highest active one."""

    def __init__(self) -> None:
        self._kernel = Kernel()
        genesis = parse_block(self._kernel.genesis)
        self.entries: dict[str, Entry] = {genesis.hash: Entry(genesis, 0, work_of(genesis.bits))}
        self.active: list[str] = [genesis.hash]
        self.coins: dict[Outpoint, Coin] = {}
        self.by_script: dict[bytes, set[Outpoint]] = {}
        self.invalid: set[str] = set()
        """Blocks that the kernel refused or the operator invalidated, without their descendants."""

    def close(self) -> None:
        """Delete the kernel's files."""
        self._kernel.close()

    @property
    def height(self) -> int:
        """The height of the active chain."""
        return len(self.active) - 1

    @property
    def tip(self) -> Entry:
        """The highest active block."""
        return self.entries[self.active[-1]]

    def is_active(self, block_hash: str) -> bool:
        """True if the block is in the active chain."""
        entry = self.entries.get(block_hash)
        return (
            entry is not None
            and entry.height <= self.height
            and self.active[entry.height] == block_hash
        )

    def median_time(self, entry: Entry) -> int:
        """The median time of a block and the ten below it."""
        times = []
        for one in self.branch(entry):
            times.append(one.block.time)
            if len(times) == _MEDIAN_BLOCKS:
                break
        return sorted(times)[len(times) // 2]

    def branch(self, entry: Entry | None) -> Iterator[Entry]:
        """The block and all below it, down to the first."""
        while entry:
            yield entry
            entry = self.entries.get(entry.block.previous)

    def add(self, raw: bytes) -> Move:
        """Add a block and follow the kernel to the branch that it chooses.

        Raises:
            BlockRefused: the block is known already, has no known parent, or is not valid.
        """
        block = self._new_block(raw)
        parent = self.entries[block.previous]
        verdict = self._kernel.process(raw)
        entry = Entry(block, parent.height + 1, parent.work + work_of(block.bits))
        if not verdict.valid:
            self._remember_invalid(entry, verdict.reason)
            raise BlockRefused(verdict.reason)
        self.entries[block.hash] = entry
        return self._follow()

    def _new_block(self, raw: bytes) -> Block:
        try:
            block = parse_block(raw)
        except Malformed as error:
            raise BlockRefused("Block decode failed") from error
        if block.hash in self.entries:
            raise BlockRefused("duplicate-invalid" if self.is_invalid(block.hash) else "duplicate")
        if block.previous not in self.entries:
            raise BlockRefused("prev-blk-not-found")
        if self.is_invalid(block.previous):
            raise BlockRefused("bad-prevblk")
        return block

    def _remember_invalid(self, entry: Entry, reason: str) -> None:
        """Keep a block that has the work but is not valid, for `getchaintips`."""
        if reason == "invalid":
            self.entries[entry.block.hash] = entry
            self.invalid.add(entry.block.hash)

    def is_invalid(self, block_hash: str) -> bool:
        """True if the block or one below it is invalid."""
        if not self.invalid:
            return False
        return any(
            entry.block.hash in self.invalid for entry in self.branch(self.entries[block_hash])
        )

    def invalidate(self, block_hash: str) -> Move:
        """Treat a block as invalid, with everything on top of it."""
        self.invalid.add(block_hash)
        return self._rebuild()

    def reconsider(self, block_hash: str) -> Move:
        """Forget that this block, one below it or one on top of it was invalidated."""
        below = {entry.block.hash for entry in self.branch(self.entries[block_hash])}
        above = {
            one for one in self.invalid if block_hash in _hashes(self.branch(self.entries[one]))
        }
        self.invalid -= below | above
        return self._rebuild()

    def _rebuild(self) -> Move:
        """Give every block that is not invalid to a new kernel: the active ones first, because of
        two branches with equal work the first one stays.
        """
        self._kernel.close()
        self._kernel = Kernel()
        active = set(self.active)
        later = [one for one in self.entries if one not in active]
        for block_hash in [*self.active[1:], *later]:
            if not self.is_invalid(block_hash):
                verdict = self._kernel.process(self.entries[block_hash].block.raw)
                if not verdict.valid:
                    self.invalid.add(block_hash)
        return self._follow()

    def _follow(self) -> Move:
        """Move the active chain to the kernel's tip."""
        move = Move()
        wanted = []
        for entry in self.branch(self.entries[self._kernel.tip]):
            if self.is_active(entry.block.hash):
                break
            wanted.append(entry)
        fork = wanted[-1].height - 1 if wanted else self.entries[self._kernel.tip].height
        while self.height > fork:
            move.disconnected.insert(0, self._disconnect())
        for entry in reversed(wanted):
            self._connect(entry)
            move.connected.append(entry.block)
        return move

    def _connect(self, entry: Entry) -> None:
        entry.spent = {}
        for transaction in entry.block.transactions:
            if not transaction.is_coinbase:
                for one in transaction.inputs:
                    entry.spent[one.outpoint] = self._remove(one.outpoint)
            for outpoint, coin in coins_of(transaction, entry.height):
                self._put(outpoint, coin)
        self.active.append(entry.block.hash)

    def _disconnect(self) -> Block:
        entry = self.tip
        created = {
            outpoint
            for transaction in entry.block.transactions
            for outpoint, _ in coins_of(transaction, entry.height)
        }
        for outpoint in created - entry.spent.keys():
            self._remove(outpoint)
        for outpoint, coin in entry.spent.items():
            if outpoint not in created:
                self._put(outpoint, coin)
        self.active.pop()
        return entry.block

    def _put(self, outpoint: Outpoint, coin: Coin) -> None:
        self.coins[outpoint] = coin
        self.by_script.setdefault(coin.output.script, set()).add(outpoint)

    def _remove(self, outpoint: Outpoint) -> Coin:
        coin = self.coins.pop(outpoint)
        same = self.by_script[coin.output.script]
        same.discard(outpoint)
        if not same:
            del self.by_script[coin.output.script]
        return coin


def coins_of(transaction: Transaction, height: int) -> Iterator[tuple[Outpoint, Coin]]:
    """The outputs of a transaction that can be spent."""
    for index, output in enumerate(transaction.outputs):
        if output.script[:1] != bytes([_RETURN]) and len(output.script) <= _LARGEST_SCRIPT:
            coin = Coin(output, height, transaction.is_coinbase)
            yield transaction.outpoint(index), coin


def _hashes(entries: Iterator[Entry]) -> set[str]:
    return {entry.block.hash for entry in entries}
