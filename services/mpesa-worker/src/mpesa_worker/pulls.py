"""Store the rows pulled from the provider's records, and the period read so far, in PostgreSQL.

All of it is idempotent: a row is stored once, its notice has one id, and two processes may safely
read the same period. The claim only prevents them from doing the work twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from cift_shared.attempts import AttemptStore
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import ProviderNotice
from cift_shared.money.amount import Money
from cift_shared.security.field_encryption import Vault
from mpesa_method.purposes import Purpose
from mpesa_worker import domain, pull_wire
from mpesa_worker.mapping import CURRENCY
from mpesa_worker.pull_window import Covered
from mpesa_worker.pull_wire import PulledRow
from mpesa_worker.unpaid_check import PushFacts

PROVIDER = "mpesa"
NOTICES_MAX = 500
_CONTEXT = "pulled"

_CLAIM = """
with due as (
    select name from mpesa.pull where name = $1 and due_at <= now() for update skip locked
)
update mpesa.pull as held
   set claim = held.claim + 1, due_at = now() + $2::interval
  from due
 where held.name = due.name
returning held.*, now() as claimed_at
"""
_POSTPONE = "update mpesa.pull set due_at = now() + $3::interval where name = $1 and claim = $2"
_RENEW = """
update mpesa.pull set due_at = greatest(due_at, now() + $3::interval) where name = $1 and claim = $2
"""
"""Never sets `due_at` to an earlier time: the read may have finished meanwhile."""
_REGISTERED = """
update mpesa.pull set registered_at = coalesce(registered_at, now())
 where name = $1 returning registered_at
"""
_NOT_REGISTERED = "update mpesa.pull set registered_at = null where name = $1"
_FINISH = """
update mpesa.pull
   set due_at = now() + $3::interval, covered_from = $4, covered_until = $5
 where name = $1 and claim = $2
"""
_STORE_ROWS = """
insert into mpesa.pulled
    (row_id, receipt, reference, amount_minor, at, sealed, attempt_id, sent_at)
select row.row_id, row.receipt, row.reference, row.amount_minor, row.at, row.sealed,
       push.attempt_id, push.first_at
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[])
       as row (row_id, receipt, reference, amount_minor, at, sealed)
  left join mpesa.push on push.reference = row.reference
    on conflict (row_id) do nothing
returning attempt_id
"""
_UNNOTICED = """
select pulled.row_id, pulled.receipt, pulled.reference, pulled.amount_minor, pulled.at,
       pulled.attempt_id,
       attempt.memory->>'told_receipt' is not distinct from pulled.receipt as is_known
  from mpesa.pulled join mpesa.attempt using (attempt_id)
 where pulled.noticed_at is null
 order by pulled.seen_at, pulled.row_id
 limit $1
"""
_NOTICED = "update mpesa.pulled set noticed_at = now() where row_id = any ($1::text[])"
_FACTS = """
select push.reference, push.first_at, push.last_at,
       exists (select from mpesa.pulled where pulled.reference = push.reference) as in_records,
       pull.registered_at, pull.covered_from, pull.covered_until,
       (select max(sent_at) from mpesa.pulled) as witness_sent_at
  from mpesa.push left join mpesa.pull on pull.name = $2
 where push.attempt_id = $1
"""


@dataclass(frozen=True, slots=True)
class ClaimedRead:
    """A read of the records that this process has claimed."""

    name: str
    claim: int
    at: datetime
    """The time of the claim by the database's clock, which all replicas use for their windows."""
    registered_at: datetime | None
    covered: Covered


@dataclass(frozen=True, slots=True)
class StoredRows:
    """How many rows of a page were stored."""

    new: int
    ours: int
    """The number of new rows that carry the reference of a push of ours."""


class PullStore:
    """Stores rows and coverage in the worker's schema."""

    def __init__(self, pool: "Pool[asyncpg.Record]", attempts: AttemptStore, vault: Vault) -> None:
        self._pool = pool
        self._attempts = attempts
        self._vault = vault

    async def claim(self, name: str, *, valid_for: timedelta) -> ClaimedRead | None:
        """Claim the next read of this name; None when it is not due or another process has it."""
        await self._pool.execute(
            "insert into mpesa.pull (name) values ($1) on conflict do nothing", name
        )
        row = await self._pool.fetchrow(_CLAIM, name, valid_for)
        if row is None:
            return None
        return ClaimedRead(
            name,
            row["claim"],
            row["claimed_at"],
            row["registered_at"],
            Covered(row["covered_from"], row["covered_until"]),
        )

    async def postpone(self, claimed: ClaimedRead, delay: timedelta) -> None:
        """After a failed read: the next one is due after this delay."""
        await self._pool.execute(_POSTPONE, claimed.name, claimed.claim, delay)

    async def renew(self, claimed: ClaimedRead, valid_for: timedelta) -> None:
        """Extend this process's claim of the read: valid for this long from now."""
        await self._pool.execute(_RENEW, claimed.name, claimed.claim, valid_for)

    async def store_registration(self, claimed: ClaimedRead) -> datetime:
        """Store that pulls are registered; return the time of the first known registration."""
        since: datetime = await self._pool.fetchval(_REGISTERED, claimed.name)
        return since

    async def clear_registration(self, claimed: ClaimedRead) -> None:
        """Delete the registration time: the provider reports that pulls are not registered."""
        await self._pool.execute(_NOT_REGISTERED, claimed.name)

    async def store_rows(self, rows: Sequence[PulledRow]) -> StoredRows:
        """Store the new rows of a page."""
        named = {self._row_id(row): row for row in rows}
        found = await self._pool.fetch(
            _STORE_ROWS,
            list(named),
            [row.receipt for row in named.values()],
            [_our_reference(row.reference) for row in named.values()],
            [row.amount.minor if row.amount else None for row in named.values()],
            [row.at for row in named.values()],
            [self._vault.seal(row.raw.encode(), context=_CONTEXT) for row in named.values()],
        )
        failpoint("mpesa.after_rows")
        return StoredRows(len(found), sum(row["attempt_id"] is not None for row in found))

    async def store_hints(self, *, at: datetime) -> int:
        """Store the rows of our pushes as notices for their attempts; return the number of rows.

        This includes rows that an earlier process stored without storing their notices.
        """
        rows = await self._pool.fetch(_UNNOTICED, NOTICES_MAX)
        notices = [self._notice(row, at) for row in rows if not row["is_known"]]
        if notices:
            await self._attempts.store_notices(notices, [None] * len(notices))
        failpoint("mpesa.after_hints")
        if rows:
            await self._pool.execute(_NOTICED, [row["row_id"] for row in rows])
        return len(rows)

    async def finish(self, claimed: ClaimedRead, covered: Covered, *, due: timedelta) -> None:
        """Store the covered period; does nothing when the read has been claimed again since."""
        await self._pool.execute(
            _FINISH, claimed.name, claimed.claim, due, covered.since, covered.until
        )

    def _row_id(self, row: PulledRow) -> str:
        """The receipt; for a row without one, a keyed hash of the whole row."""
        return row.receipt or self._vault.fingerprint(row.raw.encode(), context=_CONTEXT)

    def _notice(self, row: asyncpg.Record, at: datetime) -> ProviderNotice:
        pulled = PulledRow(
            row["receipt"], row["reference"], _money(row["amount_minor"]), row["at"], ""
        )
        body = pull_wire.hint_body(pulled)
        return ProviderNotice(
            notice_id=self._vault.fingerprint(body, context="notice"),
            provider=PROVIDER,
            attempt_id=row["attempt_id"],
            purpose=Purpose.RECORD,
            sealed_body=self._vault.seal(body, context="notice"),
            source_listed=True,
            received_at=at,
        )


class SharedRecords:
    """Reads the stored rows and their coverage, for the unpaid check."""

    def __init__(self, pool: "Pool[asyncpg.Record]", *, name: str) -> None:
        """`name` is the kind of read whose coverage counts for the check."""
        self._pool = pool
        self._name = name

    async def facts(self, attempt_id: AttemptId) -> PushFacts | None:
        """What the records show about a push; None when it has no reference.

        Raises:
            ProviderUnavailable: the database can't be reached.
        """
        try:
            row = await self._pool.fetchrow(_FACTS, attempt_id, self._name)
        except INFRASTRUCTURE_ERRORS as error:
            raise ProviderUnavailable("records_unreachable", type(error).__name__) from error
        return PushFacts(**dict(row)) if row is not None else None


def _our_reference(reference: str | None) -> str | None:
    """The reference if it has the form of ours, else None.

    Another account number may be a phone number, so it is stored only in the encrypted row.
    """
    return reference if reference and domain.is_our_reference(reference) else None


def _money(minor: int | None) -> Money | None:
    return None if minor is None else Money(minor, CURRENCY)
