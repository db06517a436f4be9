"""The card worker's engine over PostgreSQL, in front of the Stripe twin, in one process.

Webhooks of the twin reach the worker as the gateway would hand them on. `Deaths` end one task
at a named place; its lease stays until the same worker starts again.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pydantic import BaseModel

from card_worker.customers import StoredCustomers
from card_worker.domain import ATTEMPT_NAME
from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer, NoticeConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import MethodResult, PaymentResult, ProviderNotice
from cift_shared.runtime.service import running
from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings
from tests.support import cards
from tests.support.clocks import ShiftedClock
from tests.support.commands import VAULT
from tests.support.eventually import eventually
from tests.support.twin_transport import TwinTransport

WEBHOOK = "http://127.0.0.1:9/api/v1/webhooks/stripe"


FAIL_POINTS_IN = ("card_worker.deposits", "card_worker.refunds", "cift_shared.attempts.engine")
"""Modules in which a task can die."""


class CardWorkerHarness:
    """The twin, the database, and one worker that can die and start again."""

    def __init__(self, pool: asyncpg.Pool, http: httpx.AsyncClient, wire: TwinTransport) -> None:
        self.pool = pool
        self.http = http
        self.wire = wire
        self.clock = ShiftedClock()
        self.events: list[ProviderNotice] = []
        self.webhooks_lost = False
        """True while webhooks get lost on their way."""
        self._loops = AsyncExitStack()
        self._offset = 0

    async def start(self, **over: Any) -> None:
        """Start the worker, or start it again as the same instance."""
        self.processor = cards.processor(
            self.wire, self.clock, customers=StoredCustomers(self.pool), **over
        )
        store = AttemptStore(self.pool, schema="card", rail="card", owner="card-0", vault=VAULT)
        self.engine = AttemptEngine(
            store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            store,
            rail="card",
            clock=self.clock,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        self.notices = NoticeConsumer(
            store,
            vault=VAULT,
            read_fingerprint=self.processor.read_fingerprint,
            wake_poll=self.engine.poll.wake,
        )
        self._loops = AsyncExitStack()
        await self._loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def stop(self) -> None:
        await self._loops.aclose()
        await self.processor.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def send(self, *commands: BaseModel) -> None:
        """Put commands on the worker's topic."""
        await self.commands.handle([self._record(command) for command in commands])

    async def receive_webhook(self, event: bytes) -> None:
        """A webhook, verified by the gateway, as it comes to the worker."""
        kind = VAULT.fingerprint(event, context="notice")
        notice = ProviderNotice(
            notice_id=kind,
            provider="stripe",
            attempt_id=None,
            purpose=None,
            sealed_body=VAULT.seal(event, context="notice"),
            source_listed=True,
            received_at=self.clock.now(),
        )
        self.events.append(notice)
        if not self.webhooks_lost:
            await self.notices.handle([self._record(notice)])

    async def results(self, subject: UUID) -> list[Any]:
        """What was told of a payment, or of a saved method."""
        rows = await self.pool.fetch(
            "select topic, body from card.outbox where key = $1 order by id", str(subject)
        )
        kinds: dict[str, type[BaseModel]] = {
            "payments.results": PaymentResult,
            "payment-methods.results": MethodResult,
        }
        return [kinds[row["topic"]].model_validate_json(row["body"]) for row in rows]

    async def told(self, subject: UUID, kind: str) -> Any:
        """The first result of a kind, once it is there."""

        async def found() -> Any:
            for result in await self.results(subject):
                if result.kind == kind:
                    return result
            return None

        return await eventually(found, f"{kind} for {subject}")

    async def reach(self, subject: UUID, kind: str) -> Any:
        """The same, with every check made due at once."""

        async def found() -> Any:
            await self.make_due()
            return next((one for one in await self.results(subject) if one.kind == kind), None)

        return await eventually(found, f"{kind} for {subject}")

    async def kinds(self, subject: UUID) -> list[str]:
        """The kinds of what was told, notes left out."""
        return [one.kind for one in await self.results(subject) if one.kind != "noted"]

    async def state(self, subject: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "select * from card.attempt where attempt_id = $1", attempt_id_of(subject)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        """Let the next check of everything that nobody holds be now."""
        await self.pool.execute(
            "update card.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def age(self, by: timedelta) -> None:
        """Let time pass for the worker and for what it has begun."""
        self.clock.advance(by)
        await self.make_due()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.control("POST", "/faults", {"operation": operation, "kind": kind, **more})

    async def moved(self, subject: UUID) -> dict[str, Any]:
        """What the twin's book shows for a payment, over all its intents."""
        wanted, sums = str(attempt_id_of(subject)), {"charged": 0, "refunded": 0, "disputed": 0}
        payments = (await self.control("GET", "/stripe/payments"))["payments"]
        for row in payments.values():
            if row["metadata"].get(ATTEMPT_NAME) == wanted:
                for name in sums:
                    sums[name] += row[name]
        return sums

    async def intents(self, subject: UUID) -> list[dict[str, Any]]:
        """Every intent the twin holds for a payment."""
        headers = {"Authorization": f"Bearer {cards.SECRET_KEY}"}
        answer = await self.http.get("/v1/payment_intents?limit=100", headers=headers)
        named = str(attempt_id_of(subject))
        found: list[dict[str, Any]] = answer.json()["data"]
        return [one for one in found if one["metadata"].get(ATTEMPT_NAME) == named]

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record("payments.commands.card", 0, self._offset, None, body)


def twin_settings(folder: Path, **over: Any) -> Settings:
    """A twin of Stripe a hundred times faster than the real one."""
    fields: dict[str, Any] = {
        "state": folder / "twin.sqlite3",
        "consumer_key": "unused",
        "consumer_secret": "unused",
        "passkey": "unused",
        "initiator_password": "unused",
        "speed": 100,
        "stripe_secret_key": cards.SECRET_KEY,
        "stripe_publishable_key": cards.PUBLISHABLE_KEY,
        "stripe_webhook_url": WEBHOOK,
    }
    return Settings(**{**fields, **over})


@asynccontextmanager
async def open_worker(database: str, folder: Path, **over: Any) -> AsyncIterator[CardWorkerHarness]:
    """The harness, with its worker running."""
    workers: list[CardWorkerHarness] = []

    async def receive(request: httpx.Request) -> httpx.Response:
        await workers[0].receive_webhook(request.content)
        return httpx.Response(200)

    settings = twin_settings(folder, **over)
    gate = create_app(settings, transport=httpx.MockTransport(receive))
    inside = httpx.ASGITransport(gate)
    pool = await open_pool(database, role="cift_card")
    async with (
        gate.inner.router.lifespan_context(gate.inner),
        httpx.AsyncClient(transport=inside, base_url="http://twin") as http,
    ):
        worker = CardWorkerHarness(pool, http, TwinTransport(inside))
        workers.append(worker)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()
            await pool.close()
