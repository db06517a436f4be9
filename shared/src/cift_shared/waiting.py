"""Waiting for an event or a time, whichever comes first.

Not `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that arrives in the same
moment as the event, and a loop that is being stopped would go on for ever.
"""

import asyncio


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """True when the event came, False when the time was up first."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
