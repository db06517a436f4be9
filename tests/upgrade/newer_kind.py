"""A message of a kind that the earlier release may not know, sent while its code serves.

A worker of this release sends the ledger a result `charged`. A ledger of an earlier release makes a
dead letter of it, which is replayed once this release's ledger serves: nothing is lost, and the
charge is posted once.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from bitcoin_method.rail import RAIL
from cift_shared.attempts.charged import charged_result
from cift_shared.kafka import Producer
from cift_shared.messaging import topics
from cift_shared.messaging.charged import ProviderCharge
from cift_shared.messaging.envelope import outgoing
from cift_shared.money.amount import Money
from cift_shared.security.kafka import Brokers
from tests.support.eventually import eventually
from tests.upgrade.platform import Platform
from tests.upgrade.release import Release

FEE = Money(700, "BTC")
_POSTED = "select count(*) from ledger.ledger_tx where kind = 'provider_fee' and ref = $1"


class NewerKind:
    """One result `charged`, and what became of it."""

    def __init__(self, platform: Platform, new: Release) -> None:
        self._platform = platform
        self._new = new
        cause = ProviderCharge(livemode=False, cause="sweep")
        now = datetime.now(UTC)
        self._result = charged_result(RAIL, "upgrade-drill", FEE, cause, occurred_at=now)

    async def send(self) -> None:
        """Publish it."""
        producer = Producer(Brokers(self._platform.kafka), name="upgrade-drill")
        message = outgoing(
            topics.RESULTS, self._result, source="/crypto-watcher", at=self._result.occurred_at
        )
        assert all(await producer.publish([message]))
        await producer.close()

    async def handled(self) -> str:
        """What the ledger did with it, once it did: `posted`, or the reason of its dead letter."""
        return str(await eventually(self._look, "an end of the newer message"))

    async def replay(self) -> None:
        """Publish its dead letter again, if there is one, and wait until it is posted."""
        for letter in await self._letters():
            words = ("dead-letters", "replay", letter["letter"], "--yes")
            await self._platform.cift(self._new, *words)
        await eventually(self._posted, "the charge in the books")

    async def _look(self) -> str:
        letters = await self._letters()
        return letters[0]["reason"] if letters else "posted" if await self._posted() else ""

    async def _posted(self) -> int:
        connection = await asyncpg.connect(self._platform.database)
        try:
            count: int = await connection.fetchval(_POSTED, str(self._result.payment_id))
        finally:
            await connection.close()
        return count

    async def _letters(self) -> list[Mapping[str, Any]]:
        words = ("dead-letters", "list", "--open", "--json")
        letters = json.loads(await self._platform.cift(self._new, *words))
        return [one for one in letters if one["key"] == str(self._result.payment_id)]
