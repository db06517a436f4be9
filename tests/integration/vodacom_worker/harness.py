"""The engine of M-Pesa Tanzania over PostgreSQL, in front of its twin behind a real socket.

Both run a hundred times faster than the real ones. The twin posts its notices to a listener of the
test, which hands them to the worker as the gateway does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import uvicorn
from pydantic import BaseModel

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.consumers import NoticeConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult, ProviderNotice
from cift_shared.runtime.service import running
from cift_shared.security.callback_token import NO_ATTEMPT
from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings
from tests.support import vodacom
from tests.support.clocks import ShiftedClock
from tests.support.commands import VAULT
from tests.support.eventually import eventually
from vodacom_method.purposes import Purpose
from vodacom_worker.client import VodacomClient
from vodacom_worker.processor import VodacomProcessor
from vodacom_worker.session_store import SessionTimes, SharedSessions

SPEED = 100
_LISTENER = "/listener"


class VodacomHarness:
    """The twin, the database, and one worker that can die and start again."""

    def __init__(self, pool: asyncpg.Pool, http: httpx.AsyncClient, folder: Path) -> None:
        self.pool = pool
        self.http = http
        self.clock = ShiftedClock()
        self.told_worker: list[bytes] = []
        self.listens = True
        self._folder = folder
        self._loops = AsyncExitStack()
        self._offset = 0

    async def start(self, **over: Any) -> None:
        """Start the worker, or start it again as the same instance."""
        config = vodacom.config(
            api_base=str(self.http.base_url),
            public_key_file=self._folder / "vodacom-public-key.txt",
            check_speed=SPEED,
            read_timeout_s=2,
            connect_timeout_s=1,
            **over,
        )
        times = SessionTimes.at_speed(config.check_speed)
        sessions = SharedSessions(self.pool, VAULT, self.clock, app=config.app, times=times)
        self.sessions = sessions
        client = VodacomClient(config, sessions, self.clock)
        self.processor = VodacomProcessor(
            config, client, vault=VAULT, clock=self.clock, sessions=sessions
        )
        self.issue = client.issue_session
        store = AttemptStore(
            self.pool, schema="mpesa_tz", rail="mpesa_tz", owner="tz-0", vault=VAULT
        )
        self.engine = AttemptEngine(
            store, self.processor, clock=self.clock, wake_relay=lambda: None
        )
        self.commands = CommandConsumer(
            store,
            rail="mpesa_tz",
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

    async def restart(self, **over: Any) -> None:
        await self.stop()
        await self.start(**over)

    async def send(self, *commands: BaseModel) -> None:
        """Put commands on the worker's topic."""
        await self.commands.handle([self._record(command) for command in commands])

    async def listen(self, body: bytes) -> None:
        """Hand a notice to the worker, as the gateway does."""
        self.told_worker.append(body)
        if not self.listens:
            return
        message = ProviderNotice(
            notice_id=VAULT.fingerprint(body, context="notice"),
            provider="vodacom",
            attempt_id=NO_ATTEMPT,
            purpose=Purpose.RESULT,
            sealed_body=VAULT.seal(body, context="notice"),
            source_listed=False,
            received_at=datetime.now(UTC),
        )
        await self.notices.handle([self._record(message)])

    async def results(self, payment_id: UUID) -> list[PaymentResult]:
        """What was told of a payment."""
        rows = await self.pool.fetch(
            "select body from mpesa_tz.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def kinds(self, payment_id: UUID) -> list[str]:
        """The kinds of what was told, notes left out, the same kind in a row once.

        A notice that arrives beside the query that ends a payment tells the end once more.
        """
        told = [one.kind for one in await self.results(payment_id) if one.kind != "noted"]
        return [kind for kind, _ in groupby(told)]

    async def reach(self, payment_id: UUID, kind: str) -> PaymentResult:
        """The first result of a kind, once it is told; every check is due at once."""

        async def found() -> Any:
            await self.make_due()
            return next((one for one in await self.results(payment_id) if one.kind == kind), None)

        return await eventually(found, f"{kind} for {payment_id}")

    async def steps(self, payment_id: UUID) -> list[str]:
        """The names of the steps of the timeline."""
        return [step.name for one in await self.results(payment_id) for step in one.evidence]

    async def rest(self, payment_id: UUID, checks: int = 3) -> None:
        """Let a payment be checked a few times more."""
        before = (await self.state(payment_id))["checks"]

        async def later() -> bool:
            await self.make_due()
            return bool((await self.state(payment_id))["checks"] >= before + checks)

        await eventually(later, "more checks")

    async def rest_if_open(self, payment_id: UUID) -> None:
        """Let every notice that still comes be read."""
        for _ in range(3):
            await self.make_due()
            await asyncio.sleep(0.05)

    async def state(self, payment_id: UUID) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "select * from mpesa_tz.attempt where attempt_id = $1", attempt_id_of(payment_id)
        )
        assert row is not None
        return row

    async def make_due(self) -> None:
        """Let the next step of everything that nobody holds be now."""
        await self.pool.execute(
            "update mpesa_tz.attempt set next_check_at = now()"
            " where lease_owner is null and next_check_at is not null"
        )
        self.engine.poll.wake()
        self.engine.dispatch.wake()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def settings(self, **patch: Any) -> None:
        await self.control("PATCH", "/settings", patch)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        body = {"operation": f"vodacom.{operation}", "kind": kind, "times": 1, **more}
        await self.control("POST", "/faults", body)

    async def book(self) -> list[tuple[str, str]]:
        """What moved at Vodacom: kinds and amounts."""
        entries = (await self.control("GET", "/book"))["entries"]
        return [(entry["kind"], entry["amount"]) for entry in entries]

    async def received(self, operation: str) -> Mapping[str, int]:
        """How often the twin got a payment of each key."""
        requests = await self.control("GET", "/requests")
        found: Mapping[str, int] = requests.get(f"vodacom.{operation}", {}).get("by_reference", {})
        return found

    async def paid(self, minor: int = 20_000_00) -> PaymentResult:
        """The settlement of a new deposit."""
        command = vodacom.deposit(minor)
        await self.send(command)
        return await self.reach(command.payment_id, "settled")

    def _record(self, message: BaseModel) -> Record:
        self._offset += 1
        body = message.model_dump_json().encode()
        return Record("payments.commands.mpesa_tz", 0, self._offset, None, body)


def twin_settings(folder: Path, **over: Any) -> Settings:
    """A twin a hundred times faster than the real one."""
    fields: dict[str, Any] = {
        "state": folder / "twin.sqlite3",
        "consumer_key": "unused",
        "consumer_secret": "unused",
        "passkey": "unused",
        "initiator_password": "unused",
        "speed": SPEED,
        "vodacom_api_key": vodacom.API_KEY,
        "vodacom_session_settles_s": 0,
    }
    return Settings(**{**fields, **over})


class _Listener:
    """Where the twin posts its notices; the test sets what gets them."""

    def __init__(self) -> None:
        self.take: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if self.take is not None:
            await self.take(body)
        answer = json.dumps({"output_ResponseCode": "0"}).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def served(app: Any, lifespan: Any) -> AsyncIterator[str]:
    """An ASGI app on a free port of this machine; yields its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    )
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    async with lifespan:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def open_harness(
    database: str, folder: Path, *, flow: str = "asynchronous", **over: Any
) -> AsyncIterator[VodacomHarness]:
    """A harness with its worker running, in one of the two flows."""
    pool = await open_pool(database, role="cift_mpesa_tz")
    listener = _Listener()
    async with served(listener, nullcontext()) as address:
        settings = twin_settings(
            folder, vodacom_flow=flow, vodacom_listener_url=f"{address}{_LISTENER}", **over
        )
        gate = create_app(settings)
        lifespan = gate.inner.router.lifespan_context(gate.inner)
        async with (
            served(gate, lifespan) as base,
            httpx.AsyncClient(base_url=base) as http,
        ):
            harness = VodacomHarness(pool, http, folder)
            listener.take = harness.listen
            await harness.start(flow=flow)
            try:
                yield harness
            finally:
                await harness.stop()
                await pool.close()
