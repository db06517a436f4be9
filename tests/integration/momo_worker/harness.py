"""The engine of one country over PostgreSQL, in front of the MTN twin behind a real socket.

`Deaths.at` kills one task at a named place, as a power cut would: nothing after it happens, and its
lease stays until the same worker starts again.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pydantic import BaseModel

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult
from cift_shared.runtime.service import running
from momo_method.countries import UGANDA, Country
from momo_worker.client import MomoClient
from momo_worker.processor import MomoProcessor
from momo_worker.sent_requests import SharedSentRequests
from momo_worker.token_store import SharedTokens
from tests.support import momo
from tests.support.clocks import ShiftedClock
from tests.support.commands import TOKENS, VAULT
from tests.support.eventually import eventually

FAIL_POINTS_IN = (
    "momo_worker.transport",
    "momo_worker.token_store",
    "momo_worker.sent_requests",
    "cift_shared.attempts.engine",
)
"""The modules in which a task of this worker can die."""


class MomoHarness:
    """The twin, the database, and one country's worker that can die and start again."""

    def __init__(
        self, pool: asyncpg.Pool, http: httpx.AsyncClient, country: Country, **over: Any
    ) -> None:
        self.pool = pool
        self.http = http
        self.country = country
        self.over = over
        self.clock = ShiftedClock()
        self._loops = AsyncExitStack()
        self._offset = 0

    @property
    def rail(self) -> str:
        return self.country.rail

    async def start(self) -> None:
        """Start the worker, or start it again as the same instance."""
        fields = {"base": str(self.http.base_url), **self.over}
        config = momo.config(self.country, **fields)
        tokens = SharedTokens(self.pool, VAULT, self.clock, schema=self.rail)
        sent = SharedSentRequests(self.pool, VAULT, self.clock, schema=self.rail)
        self.processor = MomoProcessor(
            config,
            MomoClient(config, tokens, self.clock),
            vault=VAULT,
            callback_tokens=TOKENS,
            clock=self.clock,
            sent=sent,
        )
        self.store = AttemptStore(
            self.pool, schema=self.rail, rail=self.rail, owner=f"{self.rail}-0", vault=VAULT
        )
        self.engine = AttemptEngine(
            self.store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            self.store,
            rail=self.rail,
            clock=self.clock,
            wake_dispatch=self.engine.dispatch.wake,
            wake_relay=lambda: None,
            wake_poll=self.engine.poll.wake,
        )
        self._loops = AsyncExitStack()
        await self._loops.enter_async_context(running([self.engine.dispatch, self.engine.poll]))

    async def stop(self) -> None:
        await self._loops.aclose()
        await self.processor.close()

    async def restart(self, **over: Any) -> None:
        """Start again, perhaps with other settings."""
        await self.stop()
        self.over |= over
        await self.start()

    async def send(self, *commands: BaseModel) -> None:
        """Put commands on the worker's topic."""
        await self.commands.handle([self._record(command) for command in commands])

    async def results(self, payment_id: UUID) -> list[PaymentResult]:
        """What was told of a payment."""
        rows = await self.pool.fetch(
            f"select body from {self.rail}.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID) -> list[str]:
        """The kinds of what was told, notes left out."""
        return [one.kind for one in await self.results(payment_id) if one.kind != "noted"]

    async def steps(self, payment_id: UUID) -> list[str]:
        """The names of the timeline's steps."""
        return [step.name for one in await self.results(payment_id) for step in one.evidence]

    async def reach(self, payment_id: UUID, kind: str) -> PaymentResult:
        """The result of a kind, once it is told; every check is due at once."""

        async def found() -> Any:
            await self.make_due()
            told = [one for one in await self.results(payment_id) if one.kind == kind]
            return told[0] if told else None

        return await eventually(found, f"{kind} for {payment_id}")

    async def rest(self, payment_id: UUID, checks: int = 3) -> None:
        """Let a payment be checked a few times more, or to its end with every notice read."""
        before = (await self.state(payment_id))["checks"]
        unread = f"select count(*) from {self.rail}.notice where handled_at is null"

        async def later() -> bool:
            await self.make_due()
            seen = await self.state(payment_id)
            is_over = seen["state"] == "done" and not await self.pool.fetchval(unread)
            return is_over or seen["checks"] >= before + checks

        await eventually(later, "more checks")

    async def state(self, payment_id: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            f"select * from {self.rail}.attempt where attempt_id = $1", attempt_id_of(payment_id)
        )
        assert row is not None
        return row

    async def sent(self, payment_id: UUID) -> asyncpg.Record | None:
        return await self.pool.fetchrow(
            f"select * from {self.rail}.sent where attempt_id = $1", attempt_id_of(payment_id)
        )

    async def make_due(self) -> None:
        """Let the next check of everything that nobody holds be now."""
        await self.pool.execute(
            f"update {self.rail}.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, *, times: int = 1, **more: Any) -> None:
        match = {"X-Target-Environment": self.country.target_environment}
        body = {"operation": f"momo.{operation}", "kind": kind, "times": times, "match": match}
        await self.control("POST", "/faults", {**body, **more})

    async def moved(self, payment_id: UUID) -> list[tuple[str, str]]:
        """What the twin's book shows for a payment, in order: kind and amount."""
        entries = (await self.control("GET", "/book"))["entries"]
        ours = str(attempt_id_of(payment_id))
        return [
            (entry["kind"], entry["amount"])
            for entry in entries
            if entry["caller_refs"].get("externalId") == ours
        ]

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record(f"payments.commands.{self.rail}", 0, self._offset, None, body)


@asynccontextmanager
async def open_harness(
    database: str, http: httpx.AsyncClient, country: Country = UGANDA, **over: Any
) -> AsyncIterator[MomoHarness]:
    """A harness with its worker running."""
    pool = await open_pool(database, role=f"cift_{country.rail}")
    harness = MomoHarness(pool, http, country, **over)
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()
        await pool.close()
