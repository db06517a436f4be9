"""Accept and settle rates of the whole local stack, beside the twin on the same machine.

Run by hand: `python -m tests.bench.measure_stack [--count 1000] [--apache]`. Prints one JSON line.
The twin answers at once, so what is measured is our own work; everything shares the machine.
"""

import argparse
import asyncio
import json
import os
import secrets
import time
from contextlib import nullcontext

import asyncpg
import httpx

from cift_local.stack import Options, Stack, open_api, running_stack
from tests.support.kafka import running_kafka
from tests.support.postgres import throw_away_folder

CONCURRENCY = 32
PATIENCE_S = 120
TWIN = {
    "CIFT_SANDBOX_LOCK_S": "0",
    "CIFT_SANDBOX_SAME_AMOUNT_S": "0",
    "CIFT_SANDBOX_SUFFIX_BEHAVIOURS": "false",
    "CIFT_LOG_LEVEL": "warning",
    "CIFT_TRACE_SAMPLE_RATIO": "0",
}


async def accept(stack: Stack, key: str, count: int) -> list[float]:
    """Posts deposits from a few clients at once; answers each one's seconds."""
    todo = iter(range(count))
    seconds: list[float] = []

    async def client() -> None:
        async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=30) as http:
            for n in todo:
                before = time.perf_counter()
                reply = await http.post(
                    "/api/v1/payments",
                    headers={
                        "Authorization": f"Bearer {key}",
                        "Idempotency-Key": secrets.token_hex(8),
                    },
                    json={
                        "type": "deposit",
                        "method": "mpesa",
                        "amount": "10.00",
                        "currency": "KES",
                        "customer_id": f"cus_{n % 50}",
                        "payment_method": {"phone": f"2547{n:08d}", "country": "KE"},
                    },
                )
                seconds.append(time.perf_counter() - before)
                assert reply.status_code == 202, reply.text

    await asyncio.gather(*(client() for _ in range(CONCURRENCY)))
    return seconds


async def settled(stack: Stack, count: int) -> None:
    connection = await asyncpg.connect(stack.database_url)
    query = "select count(*) from ledger.payment where status = 'completed'"
    async with asyncio.timeout(PATIENCE_S):
        while await connection.fetchval(query) < count:
            await asyncio.sleep(0.05)
    await connection.close()


async def main(count: int) -> None:
    with throw_away_folder("bench") as folder:
        async with running_stack(
            Options(folder, speed=1000, prefer_ports=False, extra_env=TWIN)
        ) as stack:
            key = await open_api(stack, "m_bench")
            await accept(stack, key, 50)
            await settled(stack, 50)
            started = time.perf_counter()
            seconds = sorted(await accept(stack, key, count))
            accepted = time.perf_counter()
            await settled(stack, count + 50)
            ended = time.perf_counter()
            stack.cift("verify-books")
            print(
                json.dumps(
                    {
                        "payments": count,
                        "accept_per_s": round(count / (accepted - started)),
                        "accept_p50_ms": round(seconds[count // 2] * 1000, 1),
                        "accept_p99_ms": round(seconds[count * 99 // 100] * 1000, 1),
                        "settled_per_s": round(count / (ended - started)),
                        "rss_mb": {s.name: s.rss_bytes // 2**20 for s in stack.status()},
                    }
                )
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--apache", action="store_true")
    options = parser.parse_args()
    with running_kafka() if options.apache else nullcontext() as kafka:
        if kafka is not None:
            os.environ["KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap
        asyncio.run(main(options.count))
