"""The verifier: the books are checked against themselves, all the time.

Each invariant is a query in `sql/invariants.sql` that finds the rows that break it. All of them
look at one snapshot, so the books may be in use meanwhile.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg
from prometheus_client import Gauge, Histogram

from cift_shared.clock import Clock
from cift_shared.database import Pool
from cift_shared.log import get_logger

EXAMPLES_MAX = 5

VIOLATIONS = Gauge(
    "cift_ledger_violations", "Rows that break an invariant; must be 0.", ["invariant"]
)
VERIFIED_AT = Gauge("cift_ledger_verified_timestamp_seconds", "When the books were last verified.")
VERIFY_SECONDS = Histogram("cift_ledger_verify_seconds", "Time to verify the whole books.")

_HEADING = re.compile(r"^-- invariant: (?P<name>[a-z_]+)\n-- (?P<rule>.+)$", re.MULTILINE)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must always be so, and the query that finds where it is not."""

    name: str
    rule: str
    query: str
    """Answers one column, `subject`: a row for each violation."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How often an invariant is broken, with a few places."""

    invariant: Invariant
    violations: int
    examples: Sequence[str]


def load_invariants() -> list[Invariant]:
    """Every invariant, in the order of the file."""
    text = (files("ledger") / "sql" / "invariants.sql").read_text("utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        Invariant(heading["name"], heading["rule"], text[heading.end() : end].strip().rstrip(";"))
        for heading, end in zip(headings, ends, strict=True)
    ]


async def verify(connection: Any) -> list[Finding]:
    """Check every invariant in one snapshot, in which nothing else moves."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return [await _check(connection, invariant) for invariant in load_invariants()]


async def _check(connection: Any, invariant: Invariant) -> Finding:
    row = await connection.fetchrow(
        f"select count(*) as violations, (array_agg(subject))[1:{EXAMPLES_MAX}] as examples "  # noqa: S608  our own file
        f"from ({invariant.query}) broken"
    )
    return Finding(invariant, row["violations"], row["examples"] or [])


class Verifier:
    """Verifies the books every so often and shows what it finds."""

    name = "verifier"

    def __init__(self, pool: "Pool[asyncpg.Record]", clock: Clock, *, interval_s: int) -> None:
        self._pool = pool
        self._clock = clock
        self._interval_s = interval_s

    async def run(self) -> None:
        """Verify until cancelled."""
        while True:
            await self.verify_once()
            await asyncio.sleep(self._interval_s)

    async def verify_once(self) -> list[Finding]:
        """Verify now; answers every finding, those without a violation included."""
        async with self._pool.acquire() as connection:
            with VERIFY_SECONDS.time():
                findings = await verify(connection)
        for finding in findings:
            VIOLATIONS.labels(finding.invariant.name).set(finding.violations)
            if finding.violations:
                log.error(
                    "ledger.invariant.broken",
                    invariant=finding.invariant.name,
                    violations=finding.violations,
                    examples=list(finding.examples),
                )
        VERIFIED_AT.set(self._clock.now().timestamp())
        return findings
