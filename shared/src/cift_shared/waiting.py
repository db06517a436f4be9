"""Waiting: for an event or a time, whichever comes first, and how long after failures.

Not `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that arrives in the same
moment as the event, and a loop that is being stopped would go on for ever.
"""

import asyncio

_DOUBLINGS_MAX = 10


def backoff_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """The gap after so many failures in a row, in seconds: doubles each time, up to the longest."""
    doubled: int = 2 ** min(failures, _DOUBLINGS_MAX)
    return min(longest_s, first_s * doubled)


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """True when the event came, False when the time was up first."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
