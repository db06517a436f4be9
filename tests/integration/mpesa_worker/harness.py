"""The M-Pesa worker's loops over PostgreSQL, in front of the Daraja twin, in one process.

The callbacks of pushes never arrive: what became of a push has to be found in the twin's records.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.clock import SystemClock
from cift_shared.database.pool import open_pool
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult, ProviderNotice
from cift_shared.runtime.service import running
from mpesa_method.purposes import Purpose
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.pull_job import RECENT, PullJob, coverage_name, read_kinds, registration_of
from mpesa_worker.pulls import PullStore, SharedRecords
from mpesa_worker.pushes import SharedPushReferences
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.token_store import MemoryTokens
from mpesa_worker.unresolved_pushes import PushStores
from provider_sandbox.daraja.credential import load_or_create
from tests.support import daraja_twin, mpesa
from tests.support.commands import TOKENS, VAULT
from tests.support.twin_transport import TwinTransport

PATIENCE_S = 90
SPEED = 100
PAYS, CANCELS, LOSES_ALL = "678", "032", "drop_after_effect"


@dataclass
class MpesaWorkerHarness:
    """The M-Pesa worker's loops with a twin; callbacks of pushes are lost on the way."""

    pool: asyncpg.Pool
    twin: daraja_twin.DarajaTwin
    config: MpesaConfig
    pushes: SharedPushReferences
    attempts: AttemptStore
    pulls: PullStore
    intake: CommandConsumer
    engine: AttemptEngine
    jobs: list[PullJob]
    _count: int = 0

    async def push(self, suffix: str = PAYS) -> UUID:
        """Send a push to a phone of its own."""
        self._count += 1
        phone = f"2547{self._count:05d}{suffix}"
        command = mpesa.deposit(minor=100_00, phone=phone)
        body = command.model_dump_json().encode()
        await self.intake.handle([Record("payments.commands.mpesa", 0, 0, None, body)])
        return command.payment_id

    async def state(self, payment_id: UUID) -> str:
        sql = "select state from mpesa.attempt where payment_id = $1"
        return str(await self.pool.fetchval(sql, payment_id))

    async def told(self, payment_id: UUID) -> list[PaymentResult]:
        rows = await self.pool.fetch(
            "select body from mpesa.outbox where key = $1 order by id", str(payment_id)
        )
        return [PaymentResult.model_validate_json(row["body"]) for row in rows]

    async def ends(self, payment_id: UUID, *kinds: str) -> PaymentResult:
        """The result of one of these kinds, once it is told."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [one for one in await self.told(payment_id) if one.kind in kinds]
                if found:
                    return found[-1]
                await asyncio.sleep(0.05)

    async def until(self, what: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await what():
                await asyncio.sleep(0.05)

    async def lose(self, times: int) -> None:
        """The next answers to pushes are lost after their effect, and so are the callbacks."""
        await self.twin.fault("daraja.stk", LOSES_ALL, times=times)

    async def in_limbo(self, *payment_ids: UUID) -> None:
        for payment_id in payment_ids:
            await self.until(partial(self._is_unknown, payment_id))

    async def _is_unknown(self, payment_id: UUID) -> bool:
        return await self.state(payment_id) == "unknown"

    async def carry_posts(self) -> None:
        """The twin's postings as notices, all but the callbacks of pushes."""
        seen = 0
        while True:
            posts, seen = self.twin.posts[seen:], len(self.twin.posts)
            notices = [notice for post in posts if (notice := _notice(post))]
            if notices:
                await self.attempts.store_notices(notices, [None] * len(notices))
                self.engine.poll.wake()
            await asyncio.sleep(0.02)


def _notice(post: daraja_twin.Post) -> ProviderNotice | None:
    address = TOKENS.read(post.path.removeprefix("/api/v1/callbacks/"))
    if address is None or address.purpose == Purpose.STK_PUSH:
        return None
    raw = post.raw.encode()
    return ProviderNotice(
        notice_id=VAULT.fingerprint(raw, context="notice"),
        provider="mpesa",
        attempt_id=address.attempt_id,
        purpose=address.purpose,
        sealed_body=VAULT.seal(raw, context="notice"),
        source_listed=True,
        received_at=datetime.now(UTC),
    )


OpenWorker = Callable[..., Any]


def opener(database: str, folder: Path) -> OpenWorker:
    """A function that opens the harness; `check_speed` divides the gaps between its queries."""
    keys = folder / "keys"
    keys.mkdir()
    load_or_create(keys)
    open_twin = daraja_twin.opener(keys, folder)

    @asynccontextmanager
    async def opened(
        *, loops: bool = True, check_speed: int = SPEED, **over: Any
    ) -> AsyncIterator[MpesaWorkerHarness]:
        pool = await open_pool(database, role="cift_mpesa")
        quick = {"speed": SPEED, "success_s": 1, "cancel_s": 1, "new_token_invalidates": False}
        async with open_twin(**{**quick, **over}) as twin:
            worker = _worker(pool, twin, keys, check_speed)
            parts = [worker.engine.dispatch, worker.engine.poll, *worker.jobs]
            carrier = asyncio.create_task(worker.carry_posts())
            try:
                async with running(parts if loops else []):
                    if loops:
                        await worker.until(lambda: _is_registered(pool))
                    yield worker
            finally:
                carrier.cancel()
                await pool.close()

    return opened


async def _is_registered(pool: asyncpg.Pool) -> bool:
    sql = "select count(*) = 2 from mpesa.pull where covered_until is not null"
    return bool(await pool.fetchval(sql))


def _worker(
    pool: asyncpg.Pool, twin: daraja_twin.DarajaTwin, keys: Path, check_speed: int
) -> MpesaWorkerHarness:
    clock = SystemClock()
    config = mpesa.config(
        consumer_key=daraja_twin.KEY,
        consumer_secret=daraja_twin.SECRET,
        passkey=daraja_twin.PASSKEY,
        business_short_code=daraja_twin.SHORT_CODE,
        b2c_short_code=daraja_twin.B2C_SHORT_CODE,
        api_base="http://twin",
        callback_url="http://127.0.0.1:9",
        initiator_name="testapi",
        initiator_password=daraja_twin.PASSWORD,
        certificate_file=keys / "daraja-certificate.pem",
        pull_nominated_number=mpesa.PHONE,
        check_speed=check_speed,
        read_timeout_s=2,
        connect_timeout_s=1,
    )
    inside = TwinTransport(twin.http._transport)
    client = DarajaClient(config, MemoryTokens(clock), clock, transport=inside)
    pushes = SharedPushReferences(pool, VAULT)
    records = SharedRecords(pool, name=coverage_name(config, RECENT))
    processor = MpesaProcessor(
        config,
        client,
        vault=VAULT,
        callback_tokens=TOKENS,
        clock=clock,
        push_stores=PushStores(pushes, records),
    )
    store = AttemptStore(pool, schema="mpesa", rail="mpesa", owner="mpesa-0", vault=VAULT)
    engine = AttemptEngine(store, processor, clock=clock, wake_relay=lambda: None)
    intake = CommandConsumer(
        store,
        rail="mpesa",
        clock=clock,
        wake_dispatch=engine.dispatch.wake,
        wake_relay=lambda: None,
        wake_poll=engine.poll.wake,
    )
    pulls = PullStore(pool, store, VAULT)
    jobs = [
        PullJob(
            look,
            registration_of(config, TOKENS),
            client=client,
            store=pulls,
            pushes=pushes,
            on_hints=engine.poll.wake,
        )
        for look in read_kinds(config)
    ]
    return MpesaWorkerHarness(pool, twin, config, pushes, store, pulls, intake, engine, jobs)
