"""Outputs that pay us, and how deep they must be. Pure, no I/O.

Nothing is credited without confirmations: any node may replace an unconfirmed transaction (BIP 125;
the default of Bitcoin Core since 28.0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chain_watch.domain import Tip

COINBASE_MATURITY = 100
"""Confirmations before the reward of a block can be spent (consensus rule)."""
CONFIRMATIONS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Money that was sent to one of our addresses, where it is now."""

    txid: str
    vout: int
    satoshi: int
    first_seen_at: datetime
    height: int | None = None
    """The height of its block; None: it is in no block of our chain."""
    block_hash: str | None = None
    in_mempool: bool = False
    is_coinbase: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """Transaction and place in it."""
        return self.txid, self.vout

    @property
    def reference(self) -> str:
        """Its name, unique on the chain."""
        return f"{self.txid}:{self.vout}"

    @property
    def minor(self) -> int:
        """The amount in satoshi."""
        return self.satoshi

    @property
    def currency(self) -> str:
        """The chain has one."""
        return "BTC"

    @property
    def is_under_way(self) -> bool:
        """True in a block or in the mempool; False once it was replaced or dropped."""
        return self.height is not None or self.in_mempool

    def confirmations(self, tip: int) -> int:
        """The number of blocks from its own to the tip, both included; 0: in no block."""
        return 0 if self.height is None else max(tip - self.height + 1, 0)


@dataclass(frozen=True, slots=True)
class Depths:
    """How many confirmations an amount needs."""

    usual: int
    tiers: Sequence[tuple[int, int]] = field(default=())
    """Satoshi with the confirmations of amounts up to it, in rising order; larger amounts need the
    usual number."""

    def confirmations_for(self, satoshi: int) -> int:
        """The confirmations that this total of one payment needs."""
        for up_to, confirmations in self.tiers:
            if satoshi <= up_to:
                return confirmations
        return self.usual

    def needed(self, minor: int) -> str:
        """The same as a payer is shown it."""
        return str(self.confirmations_for(minor))

    def is_deep(self, arrival: Output, total: int, tip: Tip) -> bool:
        """True if the output counts as final in a payment of this total."""
        needed = self.confirmations_for(total)
        if arrival.is_coinbase:
            needed = max(needed, COINBASE_MATURITY)
        return arrival.height is not None and arrival.confirmations(tip.height) >= needed
