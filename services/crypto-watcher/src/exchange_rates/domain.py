"""What the prices of several sources mean together; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cift_shared.money.rates import BASIS_POINTS, decimal_down


@dataclass(frozen=True, slots=True)
class Price:
    """What one source said of one currency."""

    currency: str
    source: str
    usd: Decimal
    """US dollars for one whole unit; above zero."""
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """When prices can be used."""

    max_age: timedelta
    deviation_max_bps: int
    """How far the highest price may be above the lowest, in hundredths of a percent of it."""
    least: int
    """How many sources are needed."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The price that is used for a currency."""

    currency: str
    usd: Decimal | None
    """The middle of the prices; None: they contradict each other."""
    sources: Sequence[str]
    as_of: datetime | None
    deviation: Decimal
    """Share by which the highest price is above the lowest, rounded down."""


def agreed(prices: Iterable[Price], rules: Rules, *, at: datetime) -> Agreed | None:
    """What the prices of one currency agree on; None while too few of them are new enough."""
    fresh = sorted(
        (one for one in prices if abs(at - one.read_at) <= rules.max_age),
        key=lambda one: (one.usd, one.source),
    )
    if not fresh or len(fresh) < rules.least:
        return None
    names = sorted(one.source for one in fresh)
    lowest, highest = Fraction(fresh[0].usd), Fraction(fresh[-1].usd)
    deviation = highest / lowest - 1
    shown = decimal_down(deviation) if deviation else Decimal(0)
    if deviation * BASIS_POINTS > rules.deviation_max_bps:
        return Agreed(fresh[0].currency, None, names, None, shown)
    as_of = min(one.read_at for one in fresh)
    return Agreed(fresh[0].currency, middle([one.usd for one in fresh]), names, as_of, shown)


def middle(ordered: Sequence[Decimal]) -> Decimal:
    """The price in the middle, or halfway between the two there, rounded down to the digits of a
    rate.
    """
    upper, lower = ordered[len(ordered) // 2], ordered[(len(ordered) - 1) // 2]
    return decimal_down((Fraction(upper) + Fraction(lower)) / 2)
