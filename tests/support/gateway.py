"""A running gateway for tests: the real application in this process, over a real database.

The books are real as well: results are applied by the ledger's own function, as its service does.
"""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from fastapi import FastAPI

from cift_shared.clock import Clock, SystemClock
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record, RejectedRecord
from cift_shared.messaging.envelope import OutgoingMessage
from cift_shared.messaging.outbox import Relay
from cift_shared.messaging.topics import METHOD_RESULTS
from cift_shared.rails.gateway import RailSettings, gateway_rails
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.readiness import Readiness
from cift_shared.runtime.service import Base, running
from gateway.app import (
    ROLE,
    SCHEMA,
    USES,
    ConsumeMethodResults,
    ConsumeRailStatuses,
    Consumers,
    create_app,
)
from gateway.auth.authenticator import SCOPES
from gateway.auth.cli import insert_key
from gateway.auth.key_format import ApiKeyText, new_key
from gateway.http.parts import Parts
from gateway.payment_methods.results import MethodResultsHandler
from gateway.payment_options.statuses import RailStatusHandler
from gateway.settings import GatewaySettings
from tests.support.payment_methods import method_result
from tests.support.payments import order, pay

MERCHANT = "m_acme"
OTHER_MERCHANT = "m_other"
PUBLISHABLE_KEY = "pk_test_51abc"
WEBHOOK_SECRET = "whsec_test_secret"


class MemoryPublisher:
    """Keeps what the relay publishes."""

    def __init__(self) -> None:
        self.published: list[OutgoingMessage] = []
        self.failing: dict[str, str] = {}

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Take the messages as confirmed."""
        self.published += messages
        return [True] * len(messages)

    async def close(self) -> None:
        """Nothing is open."""


def settings_for(dsn: str, **fields: Any) -> GatewaySettings:
    """Settings of a gateway over a database; the keys are the same each time."""

    def key(letter: str) -> str:
        return base64.b64encode(letter.encode() * 32).decode()

    values: dict[str, Any] = {
        "database_url": dsn,
        "kafka_bootstrap_servers": "127.0.0.1:9",
        "data_keys": f"k1:{key('d')}",
        "index_key": key("i"),
        "callback_key": key("c"),
        "http_port": 8080,
        "ops_port": 8070,
    }
    return GatewaySettings(**{**values, **fields})


def rail_settings(mode: str = "test", **of_rails: Mapping[str, Any]) -> dict[str, RailSettings]:
    """Settings of the installed rails: those given, else working ones of the mode."""
    key = PUBLISHABLE_KEY.replace("test", mode)
    usual: dict[str, Mapping[str, Any]] = {
        "card": {"publishable_key": key, "webhook_secret": WEBHOOK_SECRET},
        "mpesa_tz": {
            "service_provider_code": "171717",
            "environment": "sandbox" if mode == "test" else "production",
        },
        "bitcoin": {"xpub": "tpub"},
        "ethereum": {"xpub": "xpub", "chain_id": 1},
        "paypal": {
            "client_id": "client-id",
            "environment": "live" if mode == "live" else "sandbox",
        },
        **{
            name: {"collection_api_user": "user", "target_environment": target}
            for name, target in (("momo_ug", "mtnuganda"), ("momo_rw", "mtnrwanda"))
        },
    }
    return {
        name: rail.settings(**{**usual.get(name, {}), **of_rails.get(name, {})})
        for name, rail in gateway_rails().items()
    }


@dataclass
class RunningGateway:
    """The application with a client for each purpose, and the books behind it."""

    app: FastAPI
    settings: GatewaySettings
    admin: "asyncpg.Pool[asyncpg.Record]"
    publisher: MemoryPublisher
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        """The services and repositories that the application works with."""
        parts: Parts = self.app.state.parts
        return parts

    async def key(
        self,
        *,
        merchant: str = MERCHANT,
        scopes: Sequence[str] = SCOPES,
        mode: Any = "test",
        expires_at: datetime | None = None,
    ) -> ApiKeyText:
        """A new API key, stored."""
        made = new_key(mode)
        async with self.admin.acquire() as connection:
            await insert_key(
                connection, made, self.settings.vault(), merchant=merchant, name="test",
                scopes=scopes, now=datetime.now(UTC), expires_at=expires_at,
            )  # fmt: skip
        return made

    async def client(self, key: ApiKeyText | None = None, **options: Any) -> httpx.AsyncClient:
        """A client with a key of its own (or the given one)."""
        key = key or await self.key(**options)
        return self.raw_client(Authorization=f"Bearer {key}")

    def raw_client(
        self, *, address: tuple[str, int] = ("203.0.113.9", 4711), **headers: str
    ) -> httpx.AsyncClient:
        """A client without a key, calling from an address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=address),
            base_url="http://gateway.test/api/v1",
            headers=headers,
        )
        self.clients.append(client)
        return client

    def ops_client(self) -> httpx.AsyncClient:
        """A client of its operations port."""
        operations: Operations = self.app.state.operations
        transport = httpx.ASGITransport(operations.app())
        client = httpx.AsyncClient(transport=transport, base_url="http://gateway.test")
        self.clients.append(client)
        return client

    async def result(self, payment_id: str, kind: str, **fields: Any) -> str:
        """Apply a worker's result to a payment, answer what the books made of it."""
        (payment,) = await self.admin.fetch(
            "select * from ledger.payment where payment_id = $1", UUID(payment_id)
        )
        attempt_id = fields.pop("attempt_id", None) or uuid4()
        amount = {"minor": str(int(payment["minor"])), "currency": payment["currency"]}
        result = {
            "schema_version": 1,
            "kind": kind,
            "result_id": f"{attempt_id}.1",
            "attempt_id": str(attempt_id),
            "seq": 1,
            "payment_id": payment_id,
            "method": payment["method"],
            "occurred_at": datetime.now(UTC).isoformat(),
            "evidence": [],
            **({"amount": amount} if kind in ("settled", "reversed") else {}),
            **fields,
        }
        if kind in ("reversed", "disputed"):
            statement = "select ledger.apply_post_settlement($1, null)"
            return str(await self.admin.fetchval(statement, result))
        rows = await self.admin.fetch("select * from ledger.apply_results($1)", [result])
        return str(rows[0]["outcome"])

    async def settle(self, payment_id: str, **fields: Any) -> None:
        """Let the provider settle a payment."""
        receipt = {"provider_reference": uuid4().hex[:10].upper()}
        assert await self.result(payment_id, "settled", **{**receipt, **fields}) == "applied"

    async def answer(
        self, method_id: str, kind: str, seq: int = 1, **fields: Any
    ) -> list[RejectedRecord]:
        """Hand in what the card worker says about a saved card; what was refused."""
        result = method_result(self.settings.vault(), method_id, kind, seq, **fields)
        return await self.hand_in(result.model_dump_json(exclude_none=True).encode())

    async def hand_in(self, *bodies: bytes) -> list[RejectedRecord]:
        """Hand records of `payment-methods.results` to the handler, as the subscriber does."""
        return await self.parts[MethodResultsHandler](
            [Record(METHOD_RESULTS, 0, offset, None, body) for offset, body in enumerate(bodies)]
        )

    async def outbox(self, topic: str) -> list[Any]:
        """What waits to be published on a topic, oldest first."""
        query = "select key, headers, body from gateway.outbox where topic = $1 order by id"
        return list(await self.admin.fetch(query, topic))

    async def funded(self, client: httpx.AsyncClient, customer: str, amount: str) -> Any:
        """A completed deposit."""
        answer = await pay(client, order(customer_id=customer, amount=amount))
        assert answer.status_code == 202, answer.text
        await self.settle(answer.json()["id"])
        return answer.json()

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(await self.admin.fetchval(f"select count(*) from {table}"))


def no_method_results(
    handler: MethodResultsHandler, base: Base
) -> AbstractAsyncContextManager[None]:
    """No broker: workers' answers are handed in by the test."""
    return nullcontext()


def no_rail_statuses(handler: RailStatusHandler, base: Base) -> AbstractAsyncContextManager[None]:
    """No broker: workers' reports are handed in by the test."""
    return nullcontext()


@asynccontextmanager
async def running_gateway(
    dsn: str,
    *,
    relay: bool = False,
    consume_results: ConsumeMethodResults | None = None,
    consume_statuses: ConsumeRailStatuses | None = None,
    clock: Clock | None = None,
    rails: Mapping[str, Mapping[str, Any]] | None = None,
    **fields: Any,
) -> AsyncIterator[Any]:
    """Run a gateway; with `relay` its outbox is emptied into `publisher`.

    `rails` are settings of rails that differ from the usual ones, by the rail's name. `clock` is
    what the application looks at instead of the machine's.
    """
    settings, publisher = settings_for(dsn, **fields), MemoryPublisher()
    admin = await open_pool(dsn, role=None, size_max=3)

    @asynccontextmanager
    async def open_base(settings: GatewaySettings) -> AsyncIterator[Base]:
        pool = await open_pool(settings.database_url.get_secret_value(), role=ROLE, size_max=10)
        sender = Relay(pool, SCHEMA, publisher)
        async with running([sender] if relay else []):
            yield Base(settings, pool, sender, SystemClock(), Readiness(pool, [SCHEMA, *USES]))
        await pool.close()

    of_rails = rail_settings(settings.mode, **(rails or {}))
    app = create_app(
        settings,
        rail_settings=of_rails,
        open_base=open_base,
        clock=clock,
        consumers=Consumers(
            consume_results or no_method_results, consume_statuses or no_rail_statuses
        ),
    )
    gateway = RunningGateway(app, settings, admin, publisher)
    try:
        async with app.router.lifespan_context(app):
            yield gateway
    finally:
        for client in gateway.clients:
            await client.aclose()
        await admin.close()
