"""Rules of deposits on a chain that can change its mind. Pure, no I/O.

    nothing seen  ->  seen (0 confirmations)  ->  confirming  ->  settled with what arrived
         └─ too late and nothing under way: expired; what comes after that is reported as received

A deposit is settled once the amount asked for is confirmed deeply enough, or, after its time, with
what is confirmed then. Nothing is credited without confirmations: any node may replace an
unconfirmed transaction (BIP 125; the default of Bitcoin Core since 28.0).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    def reference(self) -> str:
        """Its name, unique on the chain."""
        return f"{self.txid}:{self.vout}"

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

    def needed(self, satoshi: int) -> int:
        """The confirmations that this total of one payment needs."""
        for up_to, confirmations in self.tiers:
            if satoshi <= up_to:
                return confirmations
        return self.usual

    def is_deep(self, output: Output, total: int, tip: int) -> bool:
        """True if the output counts as final in a payment of this total."""
        needed = self.needed(total)
        if output.is_coinbase:
            needed = max(needed, COINBASE_MATURITY)
        return output.height is not None and output.confirmations(tip) >= needed


@dataclass(frozen=True, slots=True)
class Tip:
    """How far the chain is read."""

    height: int
    is_settled: bool
    """False while blocks are being undone and the new branch is not read up to its tip."""
    followed_at: datetime | None
    """When the last read began that reached the tip."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A deposit's terms."""

    satoshi: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Awaited:
    """Nothing is under way."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Money is under way, not enough of it is confirmed."""

    satoshi: int
    confirmations: int
    """Of the output with the fewest."""
    needed: int


@dataclass(frozen=True, slots=True)
class Settle:
    """These outputs settle the deposit."""

    outputs: Sequence[Output]

    @property
    def satoshi(self) -> int:
        """What arrived."""
        return sum(one.satoshi for one in self.outputs)


@dataclass(frozen=True, slots=True)
class TooLate:
    """The time is over and nothing is under way."""


Verdict = Awaited | Seen | Settle | TooLate


def judge(
    asked: Asked, outputs: Sequence[Output], tip: Tip, depths: Depths, *, dust: int
) -> Verdict:
    """What a deposit's outputs mean.

    Its time is over only once the chain was read up to its tip after `expires_at`: money that came
    in time is found first, however long no node answered.
    """
    counted = [one for one in outputs if one.is_under_way and one.satoshi >= dust]
    is_over = tip.followed_at is not None and tip.followed_at >= asked.expires_at
    if not counted:
        return TooLate() if is_over and tip.is_settled else Awaited()
    total = sum(one.satoshi for one in counted)
    deep = [one for one in counted if depths.is_deep(one, total, tip.height)]
    enough = sum(one.satoshi for one in deep) >= asked.satoshi
    if tip.is_settled and deep and (enough or (is_over and len(deep) == len(counted))):
        return Settle(deep)
    fewest = min(one.confirmations(tip.height) for one in counted)
    return Seen(total, fewest, depths.needed(total))


def shown(verdict: Awaited | Seen) -> Mapping[str, str]:
    """The progress that a payer is shown: what arrived in satoshi, confirmations."""
    if isinstance(verdict, Awaited):
        return {"satoshi": "0", "confirmations": "0"}
    return {"satoshi": str(verdict.satoshi), "confirmations": str(verdict.confirmations)}
