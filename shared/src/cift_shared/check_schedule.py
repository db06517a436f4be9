"""When to ask a provider again: moments after the beginning, and the gaps between them."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise


def gaps_s(moments_s: Sequence[int], *, gap_max_s: int, until_s: int) -> tuple[int, ...]:
    """Seconds before each question: at these moments, then doubling, then at even gaps.

    Args:
        moments_s: the first questions, in seconds after the beginning, rising.
        gap_max_s: the even gap that doubling ends in.
        until_s: the last question comes no sooner than this after the beginning.
    """
    moments = [0, *moments_s]
    while moments[-1] - moments[-2] < gap_max_s:
        moments.append(min(moments[-1] * 2, moments[-1] + gap_max_s))
    while moments[-1] < until_s:
        moments.append(moments[-1] + gap_max_s)
    return tuple(later - earlier for earlier, later in pairwise(moments))


def sped_up(seconds: int, speed: Decimal) -> timedelta:
    """A delay of the real provider as it lasts beside one that runs `speed` times faster."""
    return timedelta(microseconds=int(Decimal(seconds) * 1_000_000 / speed))
