"""What a withdrawal offers the network, at first and when it is stuck. Pure, no I/O; in wei.

Source: EIP-1559; go-ethereum's core/txpool/legacypool for what replaces a waiting transaction.
"""

from dataclasses import dataclass
from statistics import median_low

from ethereum_watcher.mapping import GWEI
from ethereum_watcher.wire import FeeHistory

RAISE_PERMILLE = 1_125
"""A replacement offers this of the version before, in both fields. Nodes ask for 1,100."""
TIP_MIN = GWEI // 10
"""Also where recent blocks were empty and show no priority fee."""
BASE_FEES = 2
"""The next base fee so many times, so that the offer holds for six full blocks."""


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction offers for each gas."""

    max_fee: int
    """With the base fee, at most."""
    tip: int
    """Above the base fee, at most."""


def first_fee(history: FeeHistory, *, lowest: int, highest: int) -> Fee:
    """An offer that gets a transaction into one of the next blocks, within limits per gas."""
    tips = [of_block[0] for of_block in history.tips if of_block]
    tip = max(median_low(tips) if tips else 0, TIP_MIN)
    max_fee = min(max(BASE_FEES * history.base_fees[-1] + tip, lowest), highest)
    return Fee(max_fee, min(tip, max_fee))


def raised_fee(old: Fee, now: Fee, *, gas: int, cost_max: int) -> Fee | None:
    """An offer that replaces an old one: what is usual now, at least an eighth more in both fields.

    Args:
        old: the offer to replace.
        now: what a first offer would be.
        gas: the limit of the transaction.
        cost_max: the most that it may cost.

    Returns:
        The offer; None: even the smallest raise would cost too much.
    """
    least = Fee(_raised(old.max_fee), _raised(old.tip))
    wanted = Fee(max(least.max_fee, now.max_fee), max(least.tip, now.tip))
    for offer in (wanted, least):
        if offer.max_fee * gas <= cost_max:
            return offer
    return None


def _raised(fee: int) -> int:
    return max(-(-fee * RAISE_PERMILLE // 1_000), fee + 1)
