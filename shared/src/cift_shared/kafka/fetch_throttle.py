"""Throttle empty fetches, and close the connection of a cancelled fetch.

**Empty fetches.** A Kafka broker holds an empty fetch for `fetch.max.wait.ms`. The embedded broker
ignores that and answers at once; aiokafka then fetches again at once, which uses a whole core. Here
an empty response that arrives too early is delayed: 10 ms after traffic, up to 200 ms without. A
broker that holds empty fetches is not delayed.

**Cancelled fetches.** When partitions move to another member, aiokafka cancels its fetch, but the
broker still holds it and answers one request of a connection at a time. The first fetch of the new
partitions would wait behind it for up to `fetch.max.wait.ms`. So the connection of a cancelled
fetch is closed, and the next fetch opens another.

aiokafka has no public interface for either, so private members are used.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup

DELAY_S_MIN = 0.01
DELAY_S_MAX = 0.2
GROWTH = 1.3


def throttle_fetches(consumer: AIOKafkaConsumer, *, max_wait_ms: int) -> None:
    """Delay the consumer's empty fetches, and close the connection of a cancelled one."""
    client: Any = consumer._client  # noqa: SLF001  see above
    send, delay = client.send, EmptyFetchDelay()

    async def throttled_send(node_id: int, request: Any, **options: Any) -> Any:
        if not type(request).__name__.startswith("FetchRequest"):
            return await send(node_id, request, **options)
        sent_at = asyncio.get_running_loop().time()
        try:
            response = await send(node_id, request, **options)
        except asyncio.CancelledError:
            _close_connection(client, node_id)
            raise
        took_s = asyncio.get_running_loop().time() - sent_at
        if has_records(response):
            delay.reset()
        elif took_s < max_wait_ms / 2000:
            await asyncio.sleep(delay.next())
        return response

    client.send = throttled_send


def _close_connection(client: Any, node_id: int) -> None:
    """Close the connection on which the broker holds the fetch; the client's others stay open."""
    connection = client._conns.get((node_id, ConnectionGroup.DEFAULT))  # noqa: SLF001  see above
    if connection is not None:
        connection.close()


class EmptyFetchDelay:
    """The delay after an empty response: it grows with each, and is reset by records."""

    def __init__(self) -> None:
        self._seconds = DELAY_S_MIN

    def next(self) -> float:
        """The next delay in seconds."""
        seconds, self._seconds = self._seconds, min(DELAY_S_MAX, self._seconds * GROWTH)
        return seconds

    def reset(self) -> None:
        """Restore the smallest delay, because there was traffic."""
        self._seconds = DELAY_S_MIN


def has_records(response: Any) -> bool:
    """True when a fetch response has records or an error that the fetcher must see."""
    return any(
        error_code != 0 or (data and data[-1])
        for _, partitions in response.topics
        for _, error_code, _, *data in partitions
    )
