"""Payments to settle, and how fast the books take their results."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from cift_shared.ids import SystemIds
from tests.bench.ledger_fill import CUSTOMERS, FEE, MINOR

NOON = "2026-03-01T12:00:00+00:00"
APPLY = "select count(*) from ledger.apply_results($1::text::jsonb) where outcome = 'applied'"
ACCEPT = "select ledger.accept_payment(p::jsonb) from unnest($1::text[]) p"

WARM_UP = 2
"""Batches that each writer applies before its time is taken."""

_ids = SystemIds()


def order(payment_id: UUID) -> str:
    """A deposit, as the gateway hands it over."""
    return json.dumps(
        {
            "payment_id": str(payment_id),
            "merchant_id": "bench",
            "livemode": False,
            "customer_id": f"c{random.randrange(CUSTOMERS)}",
            "type": "deposit",
            "method": "mpesa",
            "minor": str(MINOR),
            "currency": "KES",
            "fee_minor": str(FEE),
            "net_minor": str(MINOR - FEE),
            "instrument": {
                "kind": "phone",
                "display": "2547****149",
                "sealed": "k1:" + "c2VhbGVk" * 8,
                "country": "KE",
            },
            "description": "top up",
            "metadata": {"order": "4711"},
            "command": {"headers": {"ce_id": f"{payment_id}.request"}, "body": "x" * 700},
            "estimated_arrival": NOON,
            "created_at": NOON,
        }
    )


def settlement(payment_id: UUID) -> str:
    """What a worker says of it, with the evidence it usually has."""
    attempt_id = uuid5(payment_id, "attempt")
    return json.dumps(
        {
            "schema_version": 1,
            "kind": "settled",
            "result_id": f"{attempt_id}.2",
            "attempt_id": str(attempt_id),
            "seq": 2,
            "payment_id": str(payment_id),
            "method": "mpesa",
            "occurred_at": NOON,
            "amount": {"minor": str(MINOR), "currency": "KES"},
            "provider_reference": f"R{payment_id.hex}",
            "evidence": [
                {"at": NOON, "name": "mpesa.callback.received", "detail": {"code": "0"}},
                {"at": NOON, "name": "mpesa.stk_query.answered", "detail": {"code": "0"}},
            ],
        }
    )


async def prepare(dsn: str, batches: int, size: int) -> list[str]:
    """Accepts deposits; answers their settlements, in batches of JSON."""
    ids = [_ids.new_id() for _ in range(batches * size)]
    connection = await asyncpg.connect(dsn)
    try:
        for start in range(0, len(ids), 1_000):
            await connection.execute(ACCEPT, [order(id_) for id_ in ids[start : start + 1_000]])
    finally:
        await connection.close()
    told = [settlement(payment_id) for payment_id in ids]
    return ["[" + ",".join(told[start : start + size]) + "]" for start in range(0, len(told), size)]


async def open_writers(dsn: str, writers: int) -> list[Any]:
    """Connections in the ledger's role."""
    settings = {"role": "cift_ledger", "timezone": "UTC"}
    return [await asyncpg.connect(dsn, server_settings=settings) for _ in range(writers)]


async def settle(dsn: str, batches: Sequence[str], *, size: int, writers: int) -> float:
    """Settlements a second when so many writers share the batches.

    Each writer's connection has applied some first: the service's connections live long, and a
    fresh one plans every statement anew.
    """
    connections = await open_writers(dsn, writers)
    todo = iter(batches)
    for connection in connections:
        for batch in islice(todo, WARM_UP):
            await connection.fetchval(APPLY, batch)

    async def work(connection: Any) -> None:
        for batch in todo:
            assert await connection.fetchval(APPLY, batch) == size

    started = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in connections))
    taken_s = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return (len(batches) - WARM_UP * writers) * size / taken_s
