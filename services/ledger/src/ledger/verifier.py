"""The verifier: the books are checked against themselves, all the time, at a bounded cost.

Every round looks at two windows of the log: what is new since the round before the last, and the
next slice of what is older. So a round costs the same however long the history is, everything is
looked at twice soon after it happened, and once in each pass along the log. What makes sense over
all of the books only is checked at the end of a pass. An invariant that was found broken is checked
over all of the books in every round, until it is whole again.
"""

import asyncio
from collections import deque
from typing import Any

import asyncpg
from prometheus_client import Gauge, Histogram

from cift_shared.clock import Clock
from cift_shared.database import Pool
from cift_shared.log import get_logger
from ledger.invariants import CHAIN, Finding, Window, load_invariants, verify

POSITIONS_A_ROUND = 10_000

VIOLATIONS = Gauge(
    "cift_ledger_violations", "Rows that break an invariant; must be 0.", ["invariant"]
)
VERIFIED_AT = Gauge("cift_ledger_verified_timestamp_seconds", "When the books were last verified.")
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


class Rota:
    """Which parts of the log have their turn."""

    def __init__(self, slice_size: int) -> None:
        self._slice_size = slice_size
        self._marks: deque[int] = deque(maxlen=2)
        """Where the last two rounds ended. A position that commits late is seen by the second."""
        self._cursor = 0

    def next(self, last: int) -> tuple[list[Window], bool]:
        """The windows of a round when the log ends at `last`; True when a pass ends with them."""
        begin = self._marks[0] if self._marks else max(0, last - self._slice_size)
        self._marks.append(last)
        recent = Window(min(begin, last), last)
        older = Window(self._cursor, min(self._cursor + self._slice_size, recent.after))
        ends = older.to >= recent.after
        self._cursor = 0 if ends else older.to
        return [recent, older] if older.to > older.after else [recent], ends


class Verifier:
    """Verifies the books every so often and shows what it finds."""

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
        self._rota = Rota(slice_size)
        self._only_full = {each.name for each in load_invariants() if each.only_full}
        self._broken: set[str] = set()
        self._head: tuple[int, bytes] | None = None
        """The newest block that was seen; it must stay where it was."""

    async def run(self) -> None:
        """Verify until cancelled."""
        while True:
            await self.verify_once()
            await asyncio.sleep(self._interval_s)

    async def verify_once(self) -> list[Finding]:
        """Verify what has its turn; answers every finding, those without a violation included."""
        async with self._pool.acquire() as connection:
            windows, ends = self._rota.next(await connection.fetchval(_LAST_POSITION))
            with VERIFY_SECONDS.time():
                whole = self._broken | (self._only_full if ends else set())
                findings = await verify(connection, windows, whole=whole)
                findings += await self._cut_short(connection)
        self._broken = {found.invariant.name for found in findings if found.violations}
        for finding in findings:
            _tell(finding)
        now = self._clock.now().timestamp()
        VERIFIED_AT.set(now)
        if ends:
            PASSED_AT.set(now)
        return findings

    async def _cut_short(self, connection: Any) -> list[Finding]:
        """A chain may be unbroken and still be shorter than, or another than, it was."""
        if self._head is not None:
            block, link = self._head
            if await connection.fetchval(_LINK_OF_BLOCK, block) != link:
                example = f"block {block} is not what it was: the head was {link.hex()}"
                return [Finding(CHAIN, 1, [example])]
        row = await connection.fetchrow("select block, hash from ledger.head where block > 0")
        self._head = None if row is None else (row["block"], row["hash"])
        return []


def _tell(finding: Finding) -> None:
    VIOLATIONS.labels(finding.invariant.name).set(finding.violations)
    if finding.violations:
        log.error(
            "ledger.invariant.broken",
            invariant=finding.invariant.name,
            violations=finding.violations,
            examples=list(finding.examples),
        )
