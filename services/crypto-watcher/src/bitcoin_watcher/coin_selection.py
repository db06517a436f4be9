"""Which coins pay a withdrawal? Integers in satoshi only. Pure, no I/O.

1. Coins whose sum fits without change (branch and bound).
2. The smallest coin that is large enough alone, with change.
3. The largest coins together, with change.

Change that would cost more to spend than it is worth is left to the fee.
Source: Erhardt, "An Evaluation of Coin Selection Strategies" (2016), for branch and bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bitcoin_watcher.sizes import (
    DUST_SATOSHI,
    INPUT_WEIGHT,
    INPUTS_MAX,
    P2WPKH_BYTES,
    fee_at,
    weight_of,
)

TRIES_MAX = 20_000
"""Branches that are tried before change is accepted."""


@dataclass(frozen=True, slots=True)
class Coin:
    """An output of ours that can be spent."""

    txid: str
    vout: int
    satoshi: int
    chain: int
    """The branch of its address: deposits or change."""
    index: int
    script: bytes

    @property
    def reference(self) -> str:
        """Its name, unique on the chain."""
        return f"{self.txid}:{self.vout}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Coins that pay an amount: sum of the coins = amount + fee + change."""

    coins: Sequence[Coin]
    fee: int
    change: int
    """0: there is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be paid, and at which fee."""

    satoshi: int
    """To all recipients together."""
    script_bytes: int
    """Size of the recipient's script."""
    rate: int
    """Fee in satoshi for 1000 virtual bytes."""
    fee_min: int = 0
    """The fee must be this at least, whatever the size: for a replacement."""
    more_scripts: Sequence[int] = ()
    """Sizes of the other recipients' scripts."""

    def fee(self, inputs: int, *, with_change: bool) -> int:
        """The lowest fee of a transaction with so many inputs."""
        change = [P2WPKH_BYTES] if with_change else []
        scripts = [self.script_bytes, *self.more_scripts, *change]
        return max(fee_at(self.rate, weight_of(inputs, scripts)), self.fee_min)

    @property
    def change_min(self) -> int:
        """Change below this is left to the fee."""
        return max(DUST_SATOSHI, fee_at(self.rate, INPUT_WEIGHT))


def select(coins: Sequence[Coin], wanted: Wanted) -> Selection | None:
    """Choose coins; None: they are too few or too small."""
    useful = sorted(
        (one for one in coins if one.satoshi > fee_at(wanted.rate, INPUT_WEIGHT)),
        key=lambda one: (-one.satoshi, one.reference),
    )
    exact = _without_change(useful, wanted)
    if exact is not None:
        return exact
    for one in reversed(useful):  # the smallest first
        if found := selection_of([one], wanted):
            return found
    for count in range(2, min(len(useful), INPUTS_MAX) + 1):
        if found := selection_of(useful[:count], wanted):
            return found
    return None


def extend(chosen: Sequence[Coin], others: Sequence[Coin], wanted: Wanted) -> Selection | None:
    """All of the chosen coins, and as few of the others as needed; None: they do not suffice."""
    useful = sorted(others, key=lambda one: (-one.satoshi, one.reference))
    for count in range(min(len(useful), INPUTS_MAX - len(chosen)) + 1):
        if found := selection_of([*chosen, *useful[:count]], wanted):
            return found
    return None


def selection_of(coins: Sequence[Coin], wanted: Wanted) -> Selection | None:
    """Exactly these coins, with change if it is worth it; None: they are too small."""
    left = sum(one.satoshi for one in coins) - wanted.satoshi
    change = left - wanted.fee(len(coins), with_change=True)
    if change >= wanted.change_min:
        return Selection(coins, left - change, change)
    if left >= wanted.fee(len(coins), with_change=False):
        return Selection(coins, left, 0)
    return None


def _without_change(coins: Sequence[Coin], wanted: Wanted) -> Selection | None:
    """The coins, in descending order, whose sum exceeds amount and fee the least; None: none fit.

    The excess must be less than what change would cost: its output now, and its input later.
    """
    best: tuple[int, tuple[int, ...]] | None = None
    rest = [0]
    for one in reversed(coins):
        rest.append(rest[-1] + one.satoshi)
    rest.reverse()  # rest[at]: the sum from there on
    pending: list[tuple[int, tuple[int, ...], int]] = [(0, (), 0)]
    for _ in range(TRIES_MAX):
        if not pending:
            break
        at, taken, total = pending.pop()
        excess = total - wanted.satoshi - wanted.fee(len(taken), with_change=False)
        if taken and excess >= 0:
            if excess < wanted.change_min and (best is None or excess < best[0]):
                best = excess, taken
            continue  # more coins only make it larger
        if at == len(coins) or len(taken) == INPUTS_MAX or total + rest[at] < wanted.satoshi:
            continue
        pending.append((at + 1, taken, total))
        pending.append((at + 1, (*taken, at), total + coins[at].satoshi))
    if best is None:
        return None
    excess, places = best
    fee = wanted.fee(len(places), with_change=False) + excess
    return Selection([coins[place] for place in places], fee, 0)
