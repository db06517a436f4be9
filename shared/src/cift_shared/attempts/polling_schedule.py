"""Compute the delays between status queries to a provider."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise


def gaps_s(moments_s: Sequence[int], *, gap_max_s: int, until_s: int) -> tuple[int, ...]:
    """Seconds before each query: first at the given times, then doubling, then at equal gaps.

    Args:
        moments_s: times of the first queries, in seconds after the start, ascending.
        gap_max_s: the equal gap, in seconds, at which doubling ends.
        until_s: the last query is no earlier than this many seconds after the start.
    """
    moments = [0, *moments_s]
    while moments[-1] - moments[-2] < gap_max_s:
        moments.append(min(moments[-1] * 2, moments[-1] + gap_max_s))
    while moments[-1] < until_s:
        moments.append(moments[-1] + gap_max_s)
    return tuple(later - earlier for earlier, later in pairwise(moments))


def sped_up(seconds: int, speed: Decimal) -> timedelta:
    """A delay in seconds of the real provider, shortened for one that runs `speed` times faster."""
    return timedelta(microseconds=int(Decimal(seconds) * 1_000_000 / speed))
