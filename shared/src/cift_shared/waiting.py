"""Wait for an event with a time limit, leave gaps in a busy loop, and compute delays of failures.

`asyncio.wait_for` is not used: before Python 3.12 it swallows a cancellation that arrives in the
same moment as the event, and a loop that is being stopped would run forever.
"""

import asyncio

_DOUBLINGS_MAX = 10


def backoff_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """The delay in seconds after `failures` failures in a row: it doubles, up to `longest_s`."""
    doubled: int = 2 ** min(failures, _DOUBLINGS_MAX)
    return min(longest_s, first_s * doubled)


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait; True when the event is set, False when the time is over first."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Gap:
    """The shortest time between two rounds of a loop; what arrives meanwhile is one batch.

    A loop that has waited for work longer than that goes on at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = 0.0

    async def wait(self) -> None:
        """Wait until the gap since the last call of `wait` is over."""
        loop = asyncio.get_running_loop()
        left_s = self._ends_at - loop.time()
        if left_s > 0:
            await asyncio.sleep(left_s)
        self._ends_at = loop.time() + self._seconds


def was_cancelled() -> bool:
    """True when this task was cancelled, even if another error has replaced the CancelledError.

    A server that does not answer while a connection is released causes such an error.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
