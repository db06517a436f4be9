"""The payments of the demo and the smoke test: for each rail, successes and failures."""

from collections.abc import AsyncIterator

from cift_shared.rails.local import Merchant, Step, local_rails


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Make every payment in turn."""
    for rail in local_rails().values():
        async for step in rail.play(merchant, customer):
            yield step
