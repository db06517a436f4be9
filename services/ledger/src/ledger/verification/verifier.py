"""The verifier: check the invariants of the ledger continuously, at a bounded cost per round.

Every round checks two windows of the log: the positions since the round before the last, and the
next slice of older positions. So the cost of a round does not grow with the history; every position
is checked twice soon after it was written, and once in each pass along the log. Invariants that
make sense only over the whole ledger are checked at the end of a pass. A violated invariant is
checked over the whole ledger in every round until it holds again.
"""

import asyncio
from collections import deque
from typing import Any

import asyncpg
from prometheus_client import Gauge, Histogram

from cift_shared.clock import Clock
from cift_shared.database.pool import Pool
from cift_shared.observability.log import get_logger
from ledger.verification.invariants import (
    CHAIN,
    Finding,
    Window,
    load_invariants,
    verify,
)

POSITIONS_A_ROUND = 10_000

VIOLATIONS = Gauge(
    "cift_ledger_violations", "Rows that break an invariant; must be 0.", ["invariant"]
)
VERIFIED_AT = Gauge("cift_ledger_verified_timestamp_seconds", "When the ledger was last verified.")
PASSED_AT = Gauge(
    "cift_ledger_verified_pass_timestamp_seconds", "When the last pass along all of the log ended."
)
VERIFY_SECONDS = Histogram("cift_ledger_verify_seconds", "Time of one round of verification.")

_LAST_POSITION = """
select greatest(
    (select max(event_seq) from ledger.payment_event), (select max(position) from ledger.input), 0)
"""
_LINK_OF_BLOCK = "select hash from ledger.block where block_id = $1"

log = get_logger()


class WindowScheduler:
    """Chooses the parts of the log to check in each round."""

    def __init__(self, slice_size: int) -> None:
        self._slice_size = slice_size
        self._marks: deque[int] = deque(maxlen=2)
        """The positions at which the last two rounds ended. A position that commits too late for
        the first round that covers it is still checked by the second one."""
        self._cursor = 0

    def next(self, last: int) -> tuple[list[Window], bool]:
        """The windows of a round when the log ends at `last`, and whether they complete a pass."""
        begin = self._marks[0] if self._marks else max(0, last - self._slice_size)
        self._marks.append(last)
        recent = Window(min(begin, last), last)
        older = Window(self._cursor, min(self._cursor + self._slice_size, recent.after))
        ends = older.to >= recent.after
        self._cursor = 0 if ends else older.to
        return [recent, older] if older.to > older.after else [recent], ends


class Verifier:
    """Checks the ledger at a fixed interval; reports findings as metrics and log lines."""

    name = "verifier"

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        clock: Clock,
        *,
        interval_s: int,
        slice_size: int = POSITIONS_A_ROUND,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._interval_s = interval_s
        self._scheduler = WindowScheduler(slice_size)
        self._only_full = {each.name for each in load_invariants() if each.only_full}
        self._broken: set[str] = set()
        self._head: tuple[int, bytes] | None = None
        """Id and hash of the newest block seen so far; a later round must find it unchanged."""

    async def run(self) -> None:
        """Verify until cancelled."""
        while True:
            await self.verify_once()
            await asyncio.sleep(self._interval_s)

    async def verify_once(self) -> list[Finding]:
        """Run one round; returns all findings, also those of invariants without a violation."""
        async with self._pool.acquire() as connection:
            windows, ends = self._scheduler.next(await connection.fetchval(_LAST_POSITION))
            with VERIFY_SECONDS.time():
                whole = self._broken | (self._only_full if ends else set())
                findings = await verify(connection, windows, whole=whole)
                findings += await self._check_last_head(connection)
        self._broken = {found.invariant.name for found in findings if found.violations}
        for finding in findings:
            _report(finding)
        now = self._clock.now().timestamp()
        VERIFIED_AT.set(now)
        if ends:
            PASSED_AT.set(now)
        return findings

    async def _check_last_head(self, connection: Any) -> list[Finding]:
        """Detect a chain that is consistent but was shortened or replaced since the last round."""
        if self._head is not None:
            block, link = self._head
            if await connection.fetchval(_LINK_OF_BLOCK, block) != link:
                example = f"block {block} is not what it was: the head was {link.hex()}"
                return [Finding(CHAIN, 1, [example])]
        row = await connection.fetchrow("select block, hash from ledger.head where block > 0")
        self._head = None if row is None else (row["block"], row["hash"])
        return []


def _report(finding: Finding) -> None:
    VIOLATIONS.labels(finding.invariant.name).set(finding.violations)
    if finding.violations:
        log.error(
            "ledger.invariant.broken",
            invariant=finding.invariant.name,
            violations=finding.violations,
            examples=list(finding.examples),
        )
