"""A group member as a process of its own: prints `partition offset` of every record it handles.

`python -m tests.support.reader <bootstrap> <topic> <instance>`
"""

import asyncio
import sys
from collections.abc import Sequence

from cift_shared.kafka import BatchSubscriber, Record, RejectedRecord
from cift_shared.security.kafka import Brokers


async def handle(records: Sequence[Record]) -> list[RejectedRecord]:
    for record in records:
        print(record.partition, record.offset, flush=True)
    return []


async def keep(_: Sequence[RejectedRecord]) -> None:
    """This reader refuses nothing."""


if __name__ == "__main__":
    bootstrap, topic, instance = sys.argv[1:]
    subscriber = BatchSubscriber(
        [topic], group=f"group-{topic}", instance=f"{instance}-{topic}",
        brokers=Brokers(bootstrap), handler=handle, store_rejected=keep,
    )  # fmt: skip
    asyncio.run(subscriber.run())
