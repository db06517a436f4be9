"""Wait for something that another process does."""

import time
from collections.abc import Callable

EVERY_S = 0.5


def until(is_so: Callable[[], bool], what: str, *, within_s: float) -> float:
    """Wait until something is so; returns the seconds that it took.

    Raises:
        TimeoutError: it is not so in time.
    """
    started = time.monotonic()
    while not is_so():
        if time.monotonic() - started > within_s:
            raise TimeoutError(f"{what}: not within {within_s:.0f} s")
        time.sleep(EVERY_S)
    return time.monotonic() - started
