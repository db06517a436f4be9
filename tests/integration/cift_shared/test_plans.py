"""What a statement costs must not grow with its table, not even in the table's first minute."""

import asyncio
from datetime import timedelta

import pytest

from cift_shared.attempts import AttemptStore
from cift_shared.attempts.state_machine import Decision
from cift_shared.attempts.store import Command
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, VAULT, deposit

pytestmark = pytest.mark.integration

ROUNDS, AT_ONCE = 60, 10


async def test_attempts_that_nobody_has_analyzed_are_not_read_whole(database: str) -> None:
    async with probe_pool(database, size_max=1) as pool:
        await pool.execute("alter table probe.attempt set (autovacuum_enabled = false)")
        store = AttemptStore(pool, schema="probe", rail="mpesa", owner="w-0", vault=VAULT)
        for _ in range(ROUNDS):
            await store.ingest([Command(deposit(), {}) for _ in range(AT_ONCE)])
            claims = await store.claim(("ready", "sending"), limit=AT_ONCE)
            assert len(claims) == AT_ONCE
            hour = timedelta(hours=1)
            later = [Decision(claim, "waiting", hour, maybe_sent=True) for claim in claims]
            assert len(await store.save(later, now=CLOCK.now())) == AT_ONCE
        await asyncio.sleep(1.1)  # a session tells its counts at most once a second
        await pool.execute("select 1")
        read = await pool.fetchval(
            "select seq_tup_read from pg_stat_user_tables where relid = 'probe.attempt'::regclass"
        )
        assert read < 2 * ROUNDS * AT_ONCE
