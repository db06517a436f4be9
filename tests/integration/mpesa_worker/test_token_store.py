"""One access token for every process of the worker, sealed in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from cift_shared.attempts.access_token import Token
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Pool, open_pool
from cift_shared.errors import ProviderUnavailable
from cift_shared.testing import FakeClock
from mpesa_worker.token_store import SharedTokens
from tests.support.commands import VAULT

pytestmark = pytest.mark.integration


class Daraja:
    """Issues tokens; a new one ends the former."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.issued: list[str] = []

    async def issue(self) -> Token:
        await asyncio.sleep(0.02)
        self.issued.append(f"token-{len(self.issued) + 1}")
        return Token(self.issued[-1], self._clock.now() + timedelta(seconds=3599))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def daraja(clock: FakeClock) -> Daraja:
    return Daraja(clock)


@pytest.fixture
async def pool(database: str) -> "AsyncIterator[Pool[asyncpg.Record]]":
    opened = await open_pool(database, role="cift_mpesa")
    yield opened
    await opened.close()


class TestSharedTokens:
    async def test_processes_share_one(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        workers = [SharedTokens(pool, VAULT, clock, app="base|key") for _ in range(4)]
        calls = [worker.get(daraja.issue) for worker in workers for _ in range(5)]
        assert set(await asyncio.gather(*calls)) == {"token-1"}

    async def test_a_refused_one_is_first_looked_up_then_renewed(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        one, other = (SharedTokens(pool, VAULT, clock, app="base|key") for _ in range(2))
        assert await one.get(daraja.issue) == await other.get(daraja.issue) == "token-1"
        assert await one.get(daraja.issue, refused="token-1") == "token-2"
        assert await other.get(daraja.issue, refused="token-1") == "token-2"
        assert daraja.issued == ["token-1", "token-2"]

    async def test_an_old_one_is_renewed(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        await SharedTokens(pool, VAULT, clock, app="base|key").get(daraja.issue)
        clock.advance(timedelta(seconds=3540))
        fresh = SharedTokens(pool, VAULT, clock, app="base|key")
        assert await fresh.get(daraja.issue) == "token-2"

    async def test_other_apps_have_their_own(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        await SharedTokens(pool, VAULT, clock, app="base|key").get(daraja.issue)
        other = SharedTokens(pool, VAULT, clock, app="base|other")
        assert await other.get(daraja.issue) == "token-2"

    async def test_another_renews_while_one_hangs(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        worker = SharedTokens(pool, VAULT, clock, app="base|key")
        hangs = Lease("mpesa", worker.lease_name, clock)
        assert await hangs.take(pool)  # and is never heard of again
        async with asyncio.timeout(60):
            assert await worker.get(daraja.issue) == "token-1"

    async def test_what_one_that_hung_stores_late_is_refused(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        one, other = (SharedTokens(pool, VAULT, clock, app="base|key") for _ in range(2))
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def issue_late() -> Token:
            asked.set()
            await go_on.wait()
            return Token("token-0", clock.now() + timedelta(seconds=3599))

        late = asyncio.create_task(one.get(issue_late))
        await asked.wait()
        await pool.execute("update mpesa.lease set ends_at = clock_timestamp()")
        assert await other.get(daraja.issue) == "token-1"
        go_on.set()
        assert await late == "token-1"
        assert await SharedTokens(pool, VAULT, clock, app="base|key").get(daraja.issue) == "token-1"

    async def test_it_rests_sealed(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        await SharedTokens(pool, VAULT, clock, app="base|key").get(daraja.issue)
        row = await pool.fetchrow("select * from mpesa.access_token")
        assert row is not None
        assert "token-1" not in str(dict(row))
        assert "key" not in row["app"]

    async def test_without_a_database_nothing_is_sent(
        self, pool: "Pool[asyncpg.Record]", clock: FakeClock, daraja: Daraja
    ) -> None:
        tokens = SharedTokens(pool, VAULT, clock, app="base|key")
        await pool.close()
        with pytest.raises(ProviderUnavailable):
            await tokens.get(daraja.issue)
        assert not daraja.issued
