"""The floor: the least that three processes of our shape can do for a deposit by M-Pesa.

The same servers, outboxes, topics, libraries and calls to the provider as ours, and nothing else:
no authentication, idempotency, encryption, states, leases, repeats or checks. What a deposit costs
here is the price of the shape; the rest of our cost is what we do with a payment.

`python -m tests.bench.floor gateway|worker|ledger`; `floor_run` starts them.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI, Request

from cift_local.ports import LOOPBACK
from cift_shared.attempts.access_token import CachedTokens
from cift_shared.clock import SystemClock
from cift_shared.observability.log import start_logging
from cift_shared.runtime.http_server import serve
from cift_shared.runtime.service import POOL_SIZE_MAX
from mpesa_worker import wire
from mpesa_worker.client import DarajaClient
from mpesa_worker.domain import stk_password
from mpesa_worker.settings import MpesaConfig
from tests.bench.bare import Order, Taken
from tests.bench.orders import ACCEPTED

COMMANDS, NOTICES, RESULTS, EVENTS = (
    "floor.commands",
    "floor.notices",
    "floor.results",
    "floor.events",
)
TOPICS = (COMMANDS, NOTICES, RESULTS, EVENTS)
ROLES = ("gateway", "worker", "ledger")
TABLES = """
create table payment (
    id uuid primary key, customer_id text not null, amount numeric not null, currency text not null,
    created_at timestamptz not null default now(), posted_at timestamptz
);
create table attempt (
    id uuid primary key, checkout_id text, created_at timestamptz not null default now()
);
create table entry (payment_id uuid not null, account text not null, amount numeric not null);
create table outbox (
    id bigint generated always as identity primary key, role text not null, topic text not null,
    key text not null, body text not null
);
"""
_ACCEPT = """
with stored as (
    insert into payment (id, customer_id, amount, currency) values ($1, $2, $3, $4)
)
insert into outbox (role, topic, key, body) values ('gateway', $5, $6, $7)
"""
_STORE = """
insert into outbox (role, topic, key, body)
select $1, $2, * from unnest($3::text[], $4::text[])
"""
_TAKE = """
delete from outbox
 where id in (select id from outbox where role = $1 order by id limit 500)
returning topic, key, body
"""
_ATTEMPTS = "insert into attempt (id) select * from unnest($1::uuid[])"
_PUSHED = """
update attempt set checkout_id = given.checkout_id
  from unnest($1::uuid[], $2::text[]) as given (id, checkout_id) where attempt.id = given.id
"""
_CHECKOUTS = "select id, checkout_id from attempt where id = any ($1::uuid[])"
_POST = """
with posted as (
    update payment set posted_at = clock_timestamp() where id = any ($1::uuid[])
    returning id, customer_id, amount
), entries as (
    insert into entry (payment_id, account, amount)
    select id, account, share * amount
      from posted,
           lateral (values ('provider', -1), ('fees', 0), (customer_id, 1)) as line (account, share)
)
insert into outbox (role, topic, key, body)
select 'ledger', $2, id::text, json_build_object('id', id, 'kind', 'completed')::text from posted
"""

Handle = Callable[[Sequence[Any]], Awaitable[None]]


class Relay:
    """Publishes the outbox of one process."""

    def __init__(self, pool: "asyncpg.Pool[Any]", producer: AIOKafkaProducer, role: str) -> None:
        self._pool = pool
        self._producer = producer
        self._role = role
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Rows were stored."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._wake.clear()
            if not await self._publish():
                await self._wake.wait()

    async def _publish(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_TAKE, self._role)
            sent = [
                await self._producer.send(row["topic"], row["body"].encode(), row["key"].encode())
                for row in rows
            ]
            await asyncio.gather(*sent)
        return bool(rows)


@asynccontextmanager
async def relaying(role: str) -> AsyncIterator[tuple["asyncpg.Pool[Any]", Relay]]:
    """A pool, and a relay that runs."""
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    async with (
        asyncpg.create_pool(
            os.environ["FLOOR_DATABASE"], min_size=1, max_size=POOL_SIZE_MAX
        ) as pool,
        AIOKafkaProducer(
            bootstrap_servers=servers, acks="all", enable_idempotence=True
        ) as producer,
    ):
        relay = Relay(pool, producer, role)
        task = asyncio.create_task(relay.run())
        try:
            yield pool, relay
        finally:
            task.cancel()


async def consume(topic: str, handle: Handle) -> None:
    """Hand each batch of a topic to a function, and commit its offsets after it."""
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        group_id=topic,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as consumer:
        while True:
            batch = await consumer.getmany(timeout_ms=60_000, max_records=500)
            records = [record for some in batch.values() for record in some]
            if records:
                await handle(records)
                await consumer.commit()


def gateway() -> FastAPI:
    """Accepts deposits and callbacks."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with relaying("gateway") as (app.state.pool, app.state.relay):
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/payments", status_code=ACCEPTED)
    async def take(order: Order) -> Taken:
        taken = Taken(id=uuid4())
        name = str(taken.id)
        command = {"id": name, "amount": str(order.amount), "phone": order.payment_method["phone"]}
        await app.state.pool.execute(
            _ACCEPT, taken.id, order.customer_id, order.amount, order.currency, COMMANDS, name,
            json.dumps(command),
        )  # fmt: skip
        app.state.relay.wake()
        return taken

    @app.post("/callbacks/{payment_id}")
    async def hear(payment_id: UUID, request: Request) -> dict[str, str]:
        body = (await request.body()).decode()
        await app.state.pool.execute(_STORE, "gateway", NOTICES, [str(payment_id)], [body])
        app.state.relay.wake()
        return {}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


class Worker:
    """Pushes what was requested; queries what was called back."""

    def __init__(self, pool: "asyncpg.Pool[Any]", relay: Relay) -> None:
        clock = SystemClock()
        self._pool = pool
        self._relay = relay
        self._config = MpesaConfig()
        tokens = CachedTokens(clock, safety_margin=timedelta(minutes=1))
        self._client = DarajaClient(self._config, tokens, clock)
        self._callbacks = os.environ["FLOOR_CALLBACKS"]

    async def push(self, records: Sequence[Any]) -> None:
        """Store a batch of commands, and push each."""
        commands = [json.loads(record.value) for record in records]
        ids = [UUID(command["id"]) for command in commands]
        await self._pool.execute(_ATTEMPTS, ids)
        accepted = await asyncio.gather(*map(self._push, commands))
        await self._pool.execute(_PUSHED, ids, accepted)

    async def query(self, records: Sequence[Any]) -> None:
        """Query each push of a batch of callbacks, and store the results."""
        ids = [UUID(record.key.decode()) for record in records]
        rows = await self._pool.fetch(_CHECKOUTS, ids)
        results = await asyncio.gather(*(self._query(row["checkout_id"]) for row in rows))
        names = [str(row["id"]) for row in rows]
        await self._pool.execute(_STORE, "worker", RESULTS, names, results)
        self._relay.wake()

    async def _push(self, command: dict[str, str]) -> str:
        password, stamp = self._password()
        config = self._config
        answer = await self._client.stk_push(
            wire.StkPush(
                short_code=config.business_short_code,
                password=password,
                timestamp=stamp,
                transaction_type=config.transaction_type,
                amount=int(float(command["amount"])),
                party_a=command["phone"],
                party_b=config.receiver,
                phone=command["phone"],
                callback_url=f"{self._callbacks}/{command['id']}",
                account_reference=UUID(command["id"]).hex[:12],
                description="Deposit",
            )
        )
        assert isinstance(answer, wire.StkAccepted), answer
        return answer.checkout_id

    async def _query(self, checkout_id: str) -> str:
        password, stamp = self._password()
        state = await self._client.stk_query(
            wire.StkQuery(
                short_code=self._config.business_short_code,
                password=password,
                timestamp=stamp,
                checkout_id=checkout_id,
            )
        )
        return json.dumps({"code": state.code if state else None})

    def _password(self) -> tuple[str, str]:
        stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S}"
        passkey = self._config.passkey.get_secret_value()
        return stk_password(self._config.business_short_code, passkey, stamp), stamp


async def worker() -> None:
    """Run the worker until cancelled."""
    async with relaying("worker") as (pool, relay), asyncio.TaskGroup() as tasks:
        work = Worker(pool, relay)
        tasks.create_task(consume(COMMANDS, work.push))
        tasks.create_task(consume(NOTICES, work.query))


async def ledger() -> None:
    """Post results until cancelled."""
    async with relaying("ledger") as (pool, relay):

        async def post(records: Sequence[Any]) -> None:
            await pool.execute(_POST, [UUID(record.key.decode()) for record in records], EVENTS)
            relay.wake()

        await consume(RESULTS, post)


def main() -> None:
    """Run one of the three until SIGTERM."""
    role = sys.argv[1]
    start_logging(f"floor-{role}", level="warning", style="console")
    if role == "gateway":
        uvloop.run(serve(gateway(), LOOPBACK, int(os.environ["FLOOR_PORT"])))
    else:
        uvloop.run({"worker": worker, "ledger": ledger}[role]())


if __name__ == "__main__":
    main()
