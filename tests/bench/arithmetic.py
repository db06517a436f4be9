"""The arithmetic of a load test: when requests are due, percentiles, ratios, backlogs. No I/O."""

import random
from collections.abc import Iterator, Sequence
from statistics import median

NOTHING = 0.0


def even(rate: float, seconds: float) -> list[float]:
    """The moments of arrivals at equal gaps, in seconds from the start."""
    return [n / rate for n in range(round(rate * seconds))]


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """The moments of arrivals that know nothing of each other, as customers' do."""
    return list(_arrivals(rate, seconds, random.Random(seed)))


def _arrivals(rate: float, seconds: float, chance: random.Random) -> Iterator[float]:
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank).

    Raises:
        ValueError: there are no values: a figure of nothing would look like a good one.
    """
    if not values:
        raise ValueError("no values to take a percentile of")
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(rank, 1) - 1]


def paired_ratio(upper: Sequence[float], lower: Sequence[float]) -> float:
    """The median of ratios taken round by round: a machine's mood changes, ratios stay."""
    return median(a / b for a, b in zip(upper, lower, strict=True))


def per_second(moments: Sequence[float], start: float, end: float) -> float:
    """How many of these moments lie in [start, end), for each second of it."""
    return sum(start <= at < end for at in moments) / (end - start)


def backlog(arrived: Sequence[float], left: Sequence[float], at: float) -> int:
    """How many had come and not gone at a moment."""
    return sum(a <= at for a in arrived) - sum(b <= at for b in left)


def growth(arrived: Sequence[float], left: Sequence[float], start: float, end: float) -> float:
    """How fast the backlog grew from `start` to `end`, a second: the slope of its straight line.

    Least squares over a dozen readings: one that happens to fall on a batch decides nothing.
    """
    readings = 12
    gap = (end - start) / (readings - 1)
    times = [start + n * gap for n in range(readings)]
    sizes = [backlog(arrived, left, at) for at in times]
    middle, mean = (start + end) / 2, sum(sizes) / readings
    rise = sum((t - middle) * (size - mean) for t, size in zip(times, sizes, strict=True))
    return rise / sum((t - middle) ** 2 for t in times)
