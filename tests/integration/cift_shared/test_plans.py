"""An attempt reads as few rows from large tables as from small ones, although nothing analyzed them
and the session's plans were made when they were empty.
"""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from cift_shared.attempts import AttemptStore
from cift_shared.attempts.state_machine import Decision
from cift_shared.attempts.store import Command, attempt_id_of, subject_of
from cift_shared.messaging.messages import ProviderNotice
from tests.support.attempts import probe_pool
from tests.support.commands import CLOCK, VAULT, deposit

pytestmark = pytest.mark.integration

MEASURED, GROWTH = 10, 100
"""Rounds whose rows are counted, and rounds between the two counts."""
AT_ONCE = 10

_READ = """
select relname, seq_tup_read::bigint + coalesce((
        select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid), 0)::bigint
       as rows_read
  from pg_stat_user_tables t where schemaname = 'probe'
"""


@pytest.mark.parametrize("generic_plans", [True, False])
async def test_an_attempt_reads_few_rows(database: str, generic_plans: bool) -> None:
    async with probe_pool(database, size_max=1, generic_plans=generic_plans) as pool:
        for table in ("attempt", "notice", "outbox"):
            await pool.execute(f"alter table probe.{table} set (autovacuum_enabled = false)")
        store = AttemptStore(pool, schema="probe", rail="mpesa", owner="w-0", vault=VAULT)
        small = await _rows_per_attempt(pool, store)
        for _ in range(GROWTH):
            await _life(store)
        large = await _rows_per_attempt(pool, store)
        assert all(large[table] <= small[table] + 3 for table in large)


async def _rows_per_attempt(
    pool: "asyncpg.Pool[asyncpg.Record]", store: AttemptStore
) -> dict[str, float]:
    """Rows and index entries that the life of an attempt read, by table."""
    before = await _rows_read(pool)
    for _ in range(MEASURED):
        await _life(store)
    after = await _rows_read(pool)
    return {table: (after[table] - before[table]) / (MEASURED * AT_ONCE) for table in after}


async def _rows_read(pool: "asyncpg.Pool[asyncpg.Record]") -> dict[str, int]:
    await asyncio.sleep(1.1)  # a session reports its counts at the end of a command,
    await pool.execute("select 1")  # at most once a second
    return {row["relname"]: row["rows_read"] for row in await pool.fetch(_READ)}


async def _life(store: AttemptStore) -> None:
    """Commands are sent, a notice of each arrives, and a query ends them."""
    commands = [Command(deposit(), {}) for _ in range(AT_ONCE)]
    await store.ingest(commands)
    claims = await store.claim(("ready", "sending"), limit=AT_ONCE)
    hour = timedelta(hours=1)
    sent = [Decision(claim, "waiting", hour, maybe_sent=True) for claim in claims]
    assert len(await store.save(sent, now=CLOCK.now())) == AT_ONCE
    notices = [_notice(command) for command in commands]
    assert await store.store_notices(notices, [None] * AT_ONCE) == AT_ONCE
    claims = await store.claim(("waiting", "unknown"), limit=AT_ONCE)
    found = await store.open_notices([claim.attempt.attempt_id for claim in claims])
    ids = {key: [notice.notice_id for notice in notices] for key, notices in found.items()}
    ended = [
        Decision(
            claim,
            "done",
            None,
            maybe_sent=True,
            notice_ids=ids[claim.attempt.attempt_id],
            seen_notice_ids=ids[claim.attempt.attempt_id],
        )
        for claim in claims
    ]
    assert len(await store.save(ended, now=CLOCK.now())) == AT_ONCE


def _notice(command: Command) -> ProviderNotice:
    attempt_id = attempt_id_of(subject_of(command.request))
    return ProviderNotice(
        notice_id=f"n-{attempt_id}",
        provider="mpesa",
        attempt_id=attempt_id,
        purpose=1,
        sealed_body=VAULT.seal(b"{}", context="notice"),
        source_listed=True,
        received_at=CLOCK.now(),
    )
