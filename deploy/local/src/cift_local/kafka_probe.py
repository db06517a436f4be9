"""Check whether a Kafka-compatible broker is ready."""

import asyncio
import contextlib

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_TIMEOUT_S = 2.0


async def serves_metadata(host: str, port: int) -> bool:
    """Return True when the broker lists itself in its metadata and each partition has a leader.

    A node that restarts after `kill -9` answers earlier than that. Its partitions have no leader
    until the controller has registered it again.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return await _all_partitions_are_led(f"{host}:{port}")
    except (OSError, KafkaError, TimeoutError):
        return False


async def _all_partitions_are_led(bootstrap: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="cift-local-probe")
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        topics = await admin.describe_topics()
    finally:
        await admin.close()
    errors = [part["error_code"] for topic in topics for part in topic["partitions"]]
    return bool(cluster["brokers"]) and not any(errors)
