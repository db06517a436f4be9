"""The payments of the demo and the smoke test: every road of every method, good and bad."""

from collections.abc import AsyncIterator

from cift_local import card_payments, mpesa_payments
from cift_local.customer import Merchant
from cift_local.step import Step


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """Plays every payment in turn."""
    for method in (mpesa_payments, card_payments):
        async for step in method.play(merchant, customer):
            yield step
