"""Pushes in limbo: the worker's loops on real PostgreSQL in front of the twin, confirmations off.

Answers are lost after the effect and callbacks never come; all there is are the twin's records.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cift_shared.attempts import AttemptEngine, AttemptStore, CommandConsumer
from cift_shared.attempts.store import attempt_id_of
from cift_shared.clock import SystemClock
from cift_shared.database.pool import open_pool
from cift_shared.errors import ProviderUnavailable
from cift_shared.ids import AttemptId
from cift_shared.kafka import Record
from cift_shared.messaging.messages import PaymentResult, ProviderNotice
from cift_shared.runtime.service import running
from mpesa_method.purposes import Purpose
from mpesa_worker import domain, pull_job
from mpesa_worker.client import DarajaClient
from mpesa_worker.processor import MpesaProcessor
from mpesa_worker.pull_job import RECENT, PullJob, coverage_name, read_kinds, registration_of
from mpesa_worker.pulls import PullStore, SharedRecords
from mpesa_worker.pushes import SharedPushReferences
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.token_store import MemoryTokens
from mpesa_worker.unresolved_pushes import PushStores
from provider_sandbox.daraja.credential import load_or_create
from tests.contract.mpesa_worker.conftest import Wire
from tests.contract.provider_sandbox import world as twin
from tests.integration.ledger.books import open_books
from tests.support import mpesa
from tests.support.commands import TOKENS, VAULT

pytestmark = pytest.mark.integration

PATIENCE_S = 90
SPEED = 100
PAYS, CANCELS, LOSES_ALL = "678", "032", "drop_after_effect"


@dataclass
class Worker:
    """The M-Pesa worker's loops with a twin; callbacks of pushes are lost on the way."""

    pool: asyncpg.Pool
    world: twin.World
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
        await self.world.fault("daraja.stk", LOSES_ALL, times=times)

    async def in_limbo(self, *payment_ids: UUID) -> None:
        for payment_id in payment_ids:
            await self.until(partial(self._is_unknown, payment_id))

    async def _is_unknown(self, payment_id: UUID) -> bool:
        return await self.state(payment_id) == "unknown"

    async def carry_posts(self) -> None:
        """The twin's postings as notices, all but the callbacks of pushes."""
        seen = 0
        while True:
            posts, seen = self.world.posts[seen:], len(self.world.posts)
            notices = [notice for post in posts if (notice := _notice(post))]
            if notices:
                await self.attempts.store_notices(notices, [None] * len(notices))
                self.engine.poll.wake()
            await asyncio.sleep(0.02)


def _notice(post: twin.Post) -> ProviderNotice | None:
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


Opener = Callable[..., Any]


@pytest.fixture
def open_worker(database: str, tmp_path: Path) -> Opener:
    keys = tmp_path / "keys"
    keys.mkdir()
    load_or_create(keys)
    open_world = twin.opener(keys, tmp_path)

    @asynccontextmanager
    async def opened(*, loops: bool = True, **over: Any) -> AsyncIterator[Worker]:
        pool = await open_pool(database, role="cift_mpesa")
        quick = {"speed": SPEED, "success_s": 1, "cancel_s": 1, "new_token_invalidates": False}
        async with open_world(**{**quick, **over}) as world:
            worker = _worker(pool, world, keys)
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


def _worker(pool: asyncpg.Pool, world: twin.World, keys: Path) -> Worker:
    clock = SystemClock()
    config = mpesa.config(
        consumer_key=twin.KEY,
        consumer_secret=twin.SECRET,
        passkey=twin.PASSKEY,
        business_short_code=twin.SHORT_CODE,
        b2c_short_code=twin.B2C_SHORT_CODE,
        api_base="http://twin",
        callback_url="http://127.0.0.1:9",
        initiator_name="testapi",
        initiator_password=twin.PASSWORD,
        certificate_file=keys / "daraja-certificate.pem",
        pull_nominated_number=mpesa.PHONE,
        check_speed=SPEED,
        read_timeout_s=2,
        connect_timeout_s=1,
    )
    inside = Wire(world.http._transport)
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
    return Worker(pool, world, config, pushes, store, pulls, intake, engine, jobs)


async def test_paid_pushes_are_credited_and_unpaid_ones_expire(open_worker: Opener) -> None:
    async with open_worker(pull_delay_s=100, pull_page_rows=2) as worker:
        await worker.lose(6)
        paid = [await worker.push() for _ in range(3)]
        unpaid = [await worker.push(CANCELS) for _ in range(3)]
        await worker.in_limbo(*paid, *unpaid)
        witness = await worker.push()
        for payment_id in paid:
            settled = await worker.ends(payment_id, "settled", "expired", "conflicting")
            assert settled.kind == "settled"
            book = {entry["receipt"] for entry in await worker.world.book()}
            assert settled.provider_reference in book
        for payment_id in unpaid:
            expired = await worker.ends(payment_id, "settled", "expired", "conflicting")
            assert expired.kind == "expired"
            [step] = [one for one in expired.evidence if one.name == "mpesa.push.proven_unpaid"]
            reference = domain.keyed_account_reference(VAULT, attempt_id_of(payment_id))
            assert step.detail["reference"] == reference
        assert (await worker.ends(witness, "settled")).kind == "settled"
        assert len(await worker.world.book()) == 4
        sealed = await worker.pool.fetchval("select string_agg(sealed, '') from mpesa.pulled")
        assert "****" not in sealed


async def test_money_after_the_proof_is_found_by_a_later_look_and_goes_to_people(
    open_worker: Opener, database: str
) -> None:
    async with open_books(database) as books, open_worker() as worker:
        asked = await books.deposit(100_00)
        await worker.world.fault("daraja.stk", "drop_before", times=1)
        command = mpesa.deposit(asked.payment_id, minor=100_00, phone=command_phone())
        body = command.model_dump_json().encode()
        await worker.intake.handle([Record("payments.commands.mpesa", 0, 0, None, body)])
        await worker.in_limbo(asked.payment_id)
        await worker.push()
        expired = await worker.ends(asked.payment_id, "expired")
        assert set(await books.apply(*await worker.told(asked.payment_id))) <= {"applied", "noted"}
        assert await books.status(asked) == "expired"
        reference = domain.keyed_account_reference(VAULT, expired.attempt_id)
        await worker.world.pushed(
            AccountReference=reference, PhoneNumber=command_phone(), PartyA=command_phone()
        )
        late = await worker.ends(asked.payment_id, "settled")
        await books.apply(late)
        assert await books.status(asked) == "in_review"
        assert await books.balance("suspense:mpesa:KES") == (-100_00, 0)
        assert await books.broken() == set()


def command_phone() -> str:
    return "254712349999"


async def test_nothing_is_proven_without_the_registration(open_worker: Opener) -> None:
    async with open_worker(pull_available=False, loops=False) as worker:
        recent = worker.jobs[0]
        assert not await recent.read_if_due()
        row = await worker.pool.fetchrow("select registered_at, covered_until from mpesa.pull")
        assert tuple(row) == (None, None)


async def test_a_process_that_dies_between_rows_and_hints_loses_no_hint(
    open_worker: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_worker(loops=False) as worker:
        async with running([worker.engine.dispatch]):
            await worker.lose(1)
            payment_id = await worker.push()
            await worker.in_limbo(payment_id)

        class Died(BaseException):
            pass

        async def die(self: PullStore, *, at: datetime) -> int:
            raise Died

        await worker.until(worker.world.book)
        with monkeypatch.context() as patch:
            patch.setattr(PullStore, "store_hints", die)
            with pytest.raises(Died):
                await worker.jobs[0].read_if_due()
        assert await worker.pool.fetchval("select count(*) from mpesa.pulled") == 1
        assert await worker.pool.fetchval("select count(*) from mpesa.notice") == 0
        await worker.pool.execute("update mpesa.pull set due_at = now()")
        assert await worker.jobs[0].read_if_due()
        assert await worker.pool.fetchval("select count(*) from mpesa.notice") == 1
        await worker.pool.execute("update mpesa.pull set due_at = now()")
        assert await worker.jobs[0].read_if_due()
        assert await worker.pool.fetchval("select count(*) from mpesa.notice") == 1
        async with running([worker.engine.poll]):
            assert (await worker.ends(payment_id, "settled")).provider_reference


async def test_one_process_looks_at_a_time_and_a_late_one_moves_nothing(
    open_worker: Opener,
) -> None:
    async with open_worker(loops=False) as worker:
        name, hold = "174379 recent", timedelta(seconds=60)
        first = await worker.pulls.claim(name, valid_for=hold)
        assert first is not None
        assert await worker.pulls.claim(name, valid_for=hold) is None
        await worker.pool.execute("update mpesa.pull set due_at = now()")
        second = await worker.pulls.claim(name, valid_for=hold)
        assert second is not None
        covered = replace(first.covered, since=first.at, until=first.at)
        await worker.pulls.finish(first, covered, due=timedelta(0))
        assert await worker.pool.fetchval("select covered_until from mpesa.pull") is None
        assert await worker.pulls.claim(name, valid_for=hold) is None
        await worker.pulls.finish(second, covered, due=timedelta(0))
        assert await worker.pool.fetchval("select covered_until from mpesa.pull") == first.at


async def test_a_look_stays_with_who_lives_and_is_free_soon_after_a_death(
    open_worker: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_job, "CLAIM_VALIDITY", timedelta(seconds=0.5))
    monkeypatch.setattr(pull_job, "RENEW_S", 0.05)
    async with open_worker(loops=False) as worker:
        job = worker.jobs[0]
        name, hold = coverage_name(worker.config, RECENT), timedelta(seconds=60)
        await worker.world.fault("daraja.pull", "delay", delay_s=1.5)
        looking = asyncio.create_task(job.read_if_due())
        await worker.until(partial(_is_claimed, worker.pool, 1))
        while not looking.done():
            assert await worker.pulls.claim(name, valid_for=hold) is None or looking.done()
            await asyncio.sleep(0.05)
        assert await looking
        await worker.world.fault("daraja.pull", "delay", delay_s=1.5)
        await worker.pool.execute("update mpesa.pull set due_at = now()")
        dies = asyncio.create_task(job.read_if_due())
        await worker.until(partial(_is_claimed, worker.pool, 2))
        dies.cancel()
        await worker.until(partial(worker.pulls.claim, name, valid_for=hold))


async def _is_claimed(pool: asyncpg.Pool, claim: int) -> bool:
    return bool(await pool.fetchval("select claim = $1 from mpesa.pull", claim))


class TestReferences:
    async def sending(self, worker: Worker, count: int) -> list[AttemptId]:
        payments = [await worker.push() for _ in range(count)]
        await worker.pool.execute("update mpesa.attempt set state = 'sending'")
        return [attempt_id_of(payment_id) for payment_id in payments]

    async def test_each_is_of_one_push_and_stays(self, open_worker: Opener) -> None:
        async with open_worker(loops=False) as worker:
            ids = await self.sending(worker, 30)
            first = await asyncio.gather(*(worker.pushes.reserve(one) for one in ids))
            again = await asyncio.gather(*(worker.pushes.reserve(one) for one in ids))
            assert first == again
            assert len(set(first)) == 30
            sql = "select bool_and(last_at > first_at) from mpesa.push"
            assert await worker.pool.fetchval(sql)

    async def test_one_that_is_taken_gives_way_to_a_variant(self, open_worker: Opener) -> None:
        async with open_worker(loops=False) as worker:
            [one, two] = await self.sending(worker, 2)
            taken = domain.keyed_account_reference(VAULT, two)
            sql = "insert into mpesa.push (attempt_id, reference, form) values ($1, $2, 2)"
            await worker.pool.execute(sql, one, taken)
            reserved = (worker.pushes.reserve(one), worker.pushes.reserve(two))
            found = [*await asyncio.gather(*reserved)]
            assert found == [taken, domain.keyed_account_reference(VAULT, two, 1)]

    async def test_an_attempt_in_other_hands_gets_none(self, open_worker: Opener) -> None:
        async with open_worker(loops=False) as worker:
            [one] = await self.sending(worker, 1)
            await worker.pool.execute("update mpesa.attempt set state = 'unknown'")
            with pytest.raises(ProviderUnavailable):
                await worker.pushes.reserve(one)

    async def test_pushes_of_an_earlier_release_are_found_by_theirs(
        self, open_worker: Opener
    ) -> None:
        async with open_worker(loops=False) as worker:
            payment_id = await worker.push()
            await worker.pool.execute("update mpesa.attempt set state = 'unknown'")
            phone = "254712345678"
            reference = domain.account_reference(payment_id)
            await worker.world.pushed(AccountReference=reference, PhoneNumber=phone, PartyA=phone)
            await worker.until(worker.world.book)
            assert await worker.jobs[0].read_if_due()
            async with running([worker.engine.poll]):
                assert (await worker.ends(payment_id, "settled")).provider_reference
            facts = await SharedRecords(worker.pool, name="174379 recent").facts(
                attempt_id_of(payment_id)
            )
            assert facts is not None
            assert facts.reference == reference


async def test_a_confirmation_at_any_address_finds_its_push(open_worker: Opener) -> None:
    async with open_worker(loops=False) as worker:
        async with running([worker.engine.dispatch]):
            await worker.lose(1)
            payment_id = await worker.push()
            await worker.in_limbo(payment_id)
        reference = domain.keyed_account_reference(VAULT, attempt_id_of(payment_id))
        ours = json.dumps(mpesa.confirmation(BillRefNumber=reference.lower())).encode()
        others = json.dumps(mpesa.confirmation(BillRefNumber="0708374149")).encode()
        bodies = {"a": ours, "b": others, "c": b"{", "d": b"[]"}
        assert await worker.pushes.find_attempts(bodies) == {"a": attempt_id_of(payment_id)}
