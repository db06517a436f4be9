"""Ether and tokens that came to our addresses, and how deep they must be. Pure, no I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chain_watch.domain import Tip

FINALIZED = "finalized"
"""What credits by default: the block that the network can't undo without burning a third of all
stake. Source: ethereum.org/developers/docs/consensus-mechanisms/pos/gasper."""
CONFIRMATIONS_MAX = 1_000
BY_TRANSACTION = -1
"""The place of ether that a transaction sent to the address itself."""
COIN = "ETH"
"""The currency of ether."""
PLACE_STEP = 2**20
"""More than a transaction can have logs: each costs gas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Ether or a token that came to one of our addresses, where it is now.

    A transaction that pays the address is named by its hash, a transfer of a token by the place of
    its log in the transaction, too. Ether that a contract sent is found as an increase of the
    balance up to a final block: it is named by this block and the address.
    """

    hash: str
    """Of the transaction, or of the block."""
    place: int
    """`BY_TRANSACTION`, or the place of the log, or the index of the address."""
    wei: int
    """In the smallest unit of the currency."""
    currency: str = COIN
    first_seen_at: datetime
    height: int | None = None
    """The height of its block; None: it is in no block of our chain."""
    block_hash: str | None = None
    explorer_block: str | None = None
    """The block where the explorer has the same; None: it was not asked, or has it nowhere."""
    explorer_doubt: str | None = None
    """Why the explorer did not confirm it when it was asked last."""

    @property
    def key(self) -> tuple[str, int]:
        """Hash and place."""
        return self.hash, self.place

    @property
    def reference(self) -> str:
        """Its name, unique on the chain."""
        return self.hash if self.place == BY_TRANSACTION else f"{self.hash}:{self.place}"

    @property
    def minor(self) -> int:
        """The amount in the smallest unit of the currency."""
        return self.wei

    @property
    def is_under_way(self) -> bool:
        """True in a block of our chain."""
        return self.height is not None

    @property
    def is_confirmed_by_explorer(self) -> bool:
        """True if the explorer has it in the same block; ether of contracts is not asked for,
        because no transaction names it.
        """
        is_named = self.place == BY_TRANSACTION or self.currency != COIN
        return not is_named or self.explorer_block == self.block_hash

    def confirmations(self, tip: int) -> int:
        """The number of blocks from its own to the tip, both included; 0: in no block."""
        return 0 if self.height is None else max(tip - self.height + 1, 0)


@dataclass(frozen=True, slots=True)
class Depths:
    """When ether and tokens count as final."""

    blocks: int | None
    """This many confirmations; None: once its block is final."""
    asks_explorer: bool = False
    """True: the explorer must have the same."""

    def needed(self, minor: int) -> str:  # noqa: ARG002  the same for every amount
        """What a payer is shown."""
        return FINALIZED if self.blocks is None else str(self.blocks)

    def is_deep(self, arrival: Arrival, total: int, tip: Tip) -> bool:  # noqa: ARG002
        """True if the arrival counts as final."""
        if arrival.height is None or not self.has_depth(arrival.height, tip):
            return False
        return not self.asks_explorer or arrival.is_confirmed_by_explorer

    def doubt(self, arrival: Arrival) -> str | None:
        """Why the explorer does not confirm an arrival; None: it does, or is not asked."""
        if not self.asks_explorer or arrival.is_confirmed_by_explorer:
            return None
        return arrival.explorer_doubt

    def has_depth(self, height: int, tip: Tip) -> bool:
        """True if a block at this height counts as final."""
        deep = self.deep_height(tip)
        return deep is not None and height <= deep

    def deep_height(self, tip: Tip) -> int | None:
        """The highest block that counts as final; None: there is none."""
        return tip.final_height if self.blocks is None else tip.height - self.blocks + 1


def free_place(place: int, is_free: Callable[[int], bool]) -> int:
    """The place under which a transfer is stored: its own, or one that no other transfer has.

    A contract may do something else when its transaction is executed again in another branch of the
    chain. Then a known arrival with this place is not the one that was read.

    Args:
        place: of the log in its transaction.
        is_free: False if another transfer is stored under a place.
    """
    while not is_free(place):
        place += PLACE_STEP
    return place
