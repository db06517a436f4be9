"""Stop an aiokafka client without cancelling the caller or blocking it.

`stop()` awaits tasks that it has cancelled. One of them may raise CancelledError, which looks as
if the caller had been cancelled (seen while the broker is unavailable and a fetch waits before its
next try), or may never end. So `stop()` runs in a separate task, for a limited time. The client's
connections and its metadata task are closed in any case; a consumer has no public access to them,
so a private member is used.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from cift_shared.observability.log import get_logger

log = get_logger()


async def end(client: AIOKafkaConsumer | AIOKafkaProducer, *, within_s: float) -> None:
    """Stop a client; if it does not stop in time, log that and return."""
    stopping = asyncio.create_task(_stop(client), name="stop kafka client")
    try:
        _, unfinished = await asyncio.wait({stopping}, timeout=within_s)
    finally:
        stopping.cancel()
    if unfinished:
        log.warning("kafka.client.stop_failed", error="TimeoutError()")


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001  see above
    try:
        await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka.client.stop_failed", error=repr(error))
    finally:
        await inner.close()
