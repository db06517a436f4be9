"""Patience for brokers that have none.

A Kafka broker holds an empty fetch for `fetch.max.wait.ms`; the embedded one answers at once, and
aiokafka's fetcher then asks again at once, which burns a core. Here an empty answer that came too
soon is held back on our side: briefly after traffic, longer in silence. A broker that waits by
itself never meets this. aiokafka offers no seam for it, hence the one look at a private member.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

GAP_S_MIN = 0.01
GAP_S_MAX = 0.2
GROWTH = 1.3


def hold_empty_fetches(consumer: AIOKafkaConsumer, *, max_wait_ms: int) -> None:
    """Slow the consumer's fetches down where the broker does not."""
    client: Any = consumer._client  # noqa: SLF001  see above
    send, gap = client.send, Gap()

    async def patient_send(node_id: int, request: Any, **options: Any) -> Any:
        if not type(request).__name__.startswith("FetchRequest"):
            return await send(node_id, request, **options)
        asked_at = asyncio.get_running_loop().time()
        response = await send(node_id, request, **options)
        took_s = asyncio.get_running_loop().time() - asked_at
        if has_records(response):
            gap.reset()
        elif took_s < max_wait_ms / 2000:
            await asyncio.sleep(gap.next())
        return response

    client.send = patient_send


class Gap:
    """Grows with every empty answer, starts small again after traffic."""

    def __init__(self) -> None:
        self._seconds = GAP_S_MIN

    def next(self) -> float:
        """The next gap in seconds."""
        seconds, self._seconds = self._seconds, min(GAP_S_MAX, self._seconds * GROWTH)
        return seconds

    def reset(self) -> None:
        """There was traffic."""
        self._seconds = GAP_S_MIN


def has_records(response: Any) -> bool:
    """True when a fetch answer carries records or an error that the fetcher must see."""
    return any(
        error_code != 0 or (data and data[-1])
        for _, partitions in response.topics
        for _, error_code, _, *data in partitions
    )
