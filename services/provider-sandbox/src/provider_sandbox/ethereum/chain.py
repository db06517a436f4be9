"""The blocks, the active chain, and the blocks that count as safe and final."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI

from provider_sandbox.ethereum.evm import Accounts, Built, Evm, Executed


@dataclass(frozen=True, slots=True)
class Entry:
    """A block and what happened in it."""

    block: BlockAPI
    executed: Sequence[Executed] = ()

    @property
    def header(self) -> BlockHeaderAPI:
        """The header."""
        return self.block.header

    @property
    def hash(self) -> bytes:
        """The hash."""
        return bytes(self.block.hash)

    @property
    def number(self) -> int:
        """The number; 0 is the first block."""
        return int(self.block.number)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction is in the active chain."""

    entry: Entry
    index: int

    @property
    def executed(self) -> Executed:
        """What it did."""
        return self.entry.executed[self.index]


@dataclass(slots=True)
class Finality:
    """Which blocks are safe and final: a distance from the latest, unless a number is set."""

    safe_lag: int = 4
    finalized_lag: int = 8
    safe: int | None = None
    finalized: int | None = None

    def safe_number(self, latest: int) -> int:
        """The number of the safe block."""
        wanted = latest - self.safe_lag if self.safe is None else self.safe
        return min(max(wanted, 0), latest)

    def finalized_number(self, latest: int) -> int:
        """The number of the finalized block."""
        wanted = latest - self.finalized_lag if self.finalized is None else self.finalized
        return min(max(wanted, 0), latest)


@dataclass(slots=True)
class Chain:
    """All blocks of all branches, and which of them are active."""

    evm: Evm
    finality: Finality = field(default_factory=Finality)
    entries: dict[bytes, Entry] = field(default_factory=dict)
    active: list[bytes] = field(default_factory=list)
    places: dict[bytes, Place] = field(default_factory=dict)
    """Of the transactions in the active chain, by their hash."""

    def __post_init__(self) -> None:
        genesis = Entry(self.evm.genesis)
        self.entries[genesis.hash] = genesis
        self.active.append(genesis.hash)

    @property
    def latest(self) -> Entry:
        """The highest active block."""
        return self.entries[self.active[-1]]

    @property
    def height(self) -> int:
        """Its number."""
        return len(self.active) - 1

    def at(self, number: int) -> Entry | None:
        """The active block with this number."""
        return self.entries[self.active[number]] if 0 <= number <= self.height else None

    def is_active(self, entry: Entry) -> bool:
        """True if the block is in the active chain."""
        return entry.number <= self.height and self.active[entry.number] == entry.hash

    def accounts(self, entry: Entry | None = None) -> Accounts:
        """The accounts after a block; without one after the latest."""
        return self.evm.accounts_after((entry or self.latest).header)

    def build(
        self,
        below: Entry,
        transactions: Sequence[SignedTransactionAPI],
        *,
        time: int,
        base_fee: int | None = None,
    ) -> Built:
        """Build a block on another one; it is known afterwards, and not active."""
        built = self.evm.build(below.header, transactions, time=time, base_fee=base_fee)
        entry = Entry(built.block, built.executed)
        self.entries[entry.hash] = entry
        return built

    def activate(self, branch: Iterable[bytes], fork: int) -> list[Entry]:
        """Make a branch active that begins above block `fork`; returns the blocks that no longer
        are, the lowest first.
        """
        removed = [self.entries[one] for one in self.active[fork + 1 :]]
        for entry in removed:
            for one in entry.executed:
                del self.places[bytes(one.transaction.hash)]
        del self.active[fork + 1 :]
        for block_hash in branch:
            entry = self.entries[block_hash]
            self.active.append(block_hash)
            for index, one in enumerate(entry.executed):
                self.places[bytes(one.transaction.hash)] = Place(entry, index)
        return removed
