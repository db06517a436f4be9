"""Pushes whose answers are lost after their effect, and whose callbacks never come.

The worker's loops on real PostgreSQL in front of the twin, confirmations off: all there is are the
twin's records.
"""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.errors import ProviderUnavailable
from cift_shared.ids import AttemptId
from cift_shared.kafka import Record
from cift_shared.runtime.service import running
from mpesa_worker import domain, pull_job
from mpesa_worker.pull_job import RECENT, coverage_name
from mpesa_worker.pulls import PullStore, SharedRecords
from tests.integration.ledger.books import open_books
from tests.integration.mpesa_worker.harness import (
    CANCELS,
    MpesaWorkerHarness,
    OpenWorker,
)
from tests.support import mpesa
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


async def test_paid_pushes_are_credited_and_unpaid_ones_expire(open_worker: OpenWorker) -> None:
    async with open_worker(pull_delay_s=100, pull_page_rows=2) as worker:
        await worker.lose(6)
        paid = [await worker.push() for _ in range(3)]
        unpaid = [await worker.push(CANCELS) for _ in range(3)]
        await worker.in_limbo(*paid, *unpaid)
        witness = await worker.push()
        for payment_id in paid:
            settled = await worker.ends(payment_id, "settled", "expired", "conflicting")
            assert settled.kind == "settled"
            book = {entry["receipt"] for entry in await worker.twin.book()}
            assert settled.provider_reference in book
        for payment_id in unpaid:
            expired = await worker.ends(payment_id, "settled", "expired", "conflicting")
            assert expired.kind == "expired"
            [step] = [one for one in expired.evidence if one.name == "mpesa.push.proven_unpaid"]
            reference = domain.keyed_account_reference(VAULT, attempt_id_of(payment_id))
            assert step.detail["reference"] == reference
        assert (await worker.ends(witness, "settled")).kind == "settled"
        assert len(await worker.twin.book()) == 4
        sealed = await worker.pool.fetchval("select string_agg(sealed, '') from mpesa.pulled")
        assert "****" not in sealed


async def test_money_after_the_proof_is_found_by_a_later_look_and_goes_to_people(
    open_worker: OpenWorker, database: str
) -> None:
    async with open_books(database) as books, open_worker() as worker:
        asked = await books.deposit(100_00)
        await worker.twin.fault("daraja.stk", "drop_before", times=1)
        command = mpesa.deposit(asked.payment_id, minor=100_00, phone=command_phone())
        body = command.model_dump_json().encode()
        await worker.intake.handle([Record("payments.commands.mpesa", 0, 0, None, body)])
        await worker.in_limbo(asked.payment_id)
        await worker.push()
        expired = await worker.ends(asked.payment_id, "expired")
        assert set(await books.apply(*await worker.told(asked.payment_id))) <= {"applied", "noted"}
        assert await books.status(asked) == "expired"
        reference = domain.keyed_account_reference(VAULT, expired.attempt_id)
        await worker.twin.pushed(
            AccountReference=reference, PhoneNumber=command_phone(), PartyA=command_phone()
        )
        late = await worker.ends(asked.payment_id, "settled")
        await books.apply(late)
        assert await books.status(asked) == "in_review"
        assert await books.balance("suspense:mpesa:KES") == (-100_00, 0)
        assert await books.broken() == set()


def command_phone() -> str:
    return "254712349999"


async def test_nothing_is_proven_without_the_registration(open_worker: OpenWorker) -> None:
    async with open_worker(pull_available=False, loops=False) as worker:
        recent = worker.jobs[0]
        assert not await recent.read_if_due()
        row = await worker.pool.fetchrow("select registered_at, covered_until from mpesa.pull")
        assert tuple(row) == (None, None)


async def test_a_process_that_dies_between_rows_and_hints_loses_no_hint(
    open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
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

        await worker.until(worker.twin.book)
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
    open_worker: OpenWorker,
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
    open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_job, "CLAIM_VALIDITY", timedelta(seconds=0.5))
    monkeypatch.setattr(pull_job, "RENEW_S", 0.05)
    async with open_worker(loops=False) as worker:
        job = worker.jobs[0]
        name, hold = coverage_name(worker.config, RECENT), timedelta(seconds=60)
        await worker.twin.fault("daraja.pull", "delay", delay_s=1.5)
        looking = asyncio.create_task(job.read_if_due())
        await worker.until(partial(_is_claimed, worker.pool, 1))
        while not looking.done():
            assert await worker.pulls.claim(name, valid_for=hold) is None or looking.done()
            await asyncio.sleep(0.05)
        assert await looking
        await worker.twin.fault("daraja.pull", "delay", delay_s=1.5)
        await worker.pool.execute("update mpesa.pull set due_at = now()")
        dies = asyncio.create_task(job.read_if_due())
        await worker.until(partial(_is_claimed, worker.pool, 2))
        dies.cancel()
        await worker.until(partial(worker.pulls.claim, name, valid_for=hold))


async def _is_claimed(pool: asyncpg.Pool, claim: int) -> bool:
    return bool(await pool.fetchval("select claim = $1 from mpesa.pull", claim))


class TestReferences:
    async def sending(self, worker: MpesaWorkerHarness, count: int) -> list[AttemptId]:
        payments = [await worker.push() for _ in range(count)]
        await worker.pool.execute("update mpesa.attempt set state = 'sending'")
        return [attempt_id_of(payment_id) for payment_id in payments]

    async def test_each_is_of_one_push_and_stays(self, open_worker: OpenWorker) -> None:
        async with open_worker(loops=False) as worker:
            ids = await self.sending(worker, 30)
            first = await asyncio.gather(*(worker.pushes.reserve(one) for one in ids))
            again = await asyncio.gather(*(worker.pushes.reserve(one) for one in ids))
            assert first == again
            assert len(set(first)) == 30
            sql = "select bool_and(last_at > first_at) from mpesa.push"
            assert await worker.pool.fetchval(sql)

    async def test_one_that_is_taken_gives_way_to_a_variant(self, open_worker: OpenWorker) -> None:
        async with open_worker(loops=False) as worker:
            [one, two] = await self.sending(worker, 2)
            taken = domain.keyed_account_reference(VAULT, two)
            sql = "insert into mpesa.push (attempt_id, reference, form) values ($1, $2, 2)"
            await worker.pool.execute(sql, one, taken)
            reserved = (worker.pushes.reserve(one), worker.pushes.reserve(two))
            found = [*await asyncio.gather(*reserved)]
            assert found == [taken, domain.keyed_account_reference(VAULT, two, 1)]

    async def test_an_attempt_in_other_hands_gets_none(self, open_worker: OpenWorker) -> None:
        async with open_worker(loops=False) as worker:
            [one] = await self.sending(worker, 1)
            await worker.pool.execute("update mpesa.attempt set state = 'unknown'")
            with pytest.raises(ProviderUnavailable):
                await worker.pushes.reserve(one)

    async def test_pushes_of_an_earlier_release_are_found_by_theirs(
        self, open_worker: OpenWorker
    ) -> None:
        async with open_worker(loops=False) as worker:
            payment_id = await worker.push()
            await worker.pool.execute("update mpesa.attempt set state = 'unknown'")
            phone = "254712345678"
            reference = domain.account_reference(payment_id)
            await worker.twin.pushed(AccountReference=reference, PhoneNumber=phone, PartyA=phone)
            await worker.until(worker.twin.book)
            assert await worker.jobs[0].read_if_due()
            async with running([worker.engine.poll]):
                assert (await worker.ends(payment_id, "settled")).provider_reference
            facts = await SharedRecords(worker.pool, name="174379 recent").facts(
                attempt_id_of(payment_id)
            )
            assert facts is not None
            assert facts.reference == reference


async def test_a_confirmation_at_any_address_finds_its_push(open_worker: OpenWorker) -> None:
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
