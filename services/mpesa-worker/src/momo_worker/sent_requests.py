"""What was sent to MTN, stored before it is sent: the id of the request and its platform.

The platform is stored because MTN moves its partners to another one: a request is visible only on
the platform that took it, and only there is a second request with its id not carried out again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from cift_shared.clock import Clock
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import ProviderUnavailable
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.security.field_encryption import Vault
from momo_worker import domain

_DATABASE_ERRORS: tuple[type[BaseException], ...] = (*INFRASTRUCTURE_ERRORS, asyncpg.PostgresError)

_RESERVE = """
insert into {schema}.sent as held (attempt_id, reference_id, base, target, first_at, last_at)
values ($1, $2, $3, $4, $5, $5)
    on conflict (attempt_id) do update set times = held.times + 1, last_at = excluded.last_at
returning reference_id, base, target, times, last_at
"""
_FIND = "select reference_id, base, target, times, last_at from {schema}.sent where attempt_id = $1"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that is about to be sent, or may have been."""

    reference_id: UUID
    """`X-Reference-Id`: key and name of the transaction at MTN."""
    base: str
    """The address of the platform that gets it."""
    target: str
    """`X-Target-Environment`."""
    times: int
    """How often it was, or may have been, sent, this time included."""
    last_at: datetime


class SentRequests(Protocol):
    """Remembers what was sent."""

    async def reserve(self, attempt_id: AttemptId, base: str, target: str) -> Sent:
        """The request to send now: on the given platform, or on the one that it was sent to before.

        Raises:
            ProviderUnavailable: it could not be stored, so nothing may be sent.
        """
        ...

    async def find(self, attempt_id: AttemptId) -> Sent | None:
        """What was sent for an attempt; None: nothing.

        Raises:
            ProviderUnavailable: the database does not answer.
        """
        ...


class MemorySentRequests:
    """What a processor without a database has sent."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._sent: dict[AttemptId, Sent] = {}

    async def reserve(self, attempt_id: AttemptId, base: str, target: str) -> Sent:
        """As `SentRequests.reserve`; never fails."""
        known = self._sent.get(attempt_id)
        self._sent[attempt_id] = Sent(
            domain.reference_id(self._vault, attempt_id),
            known.base if known else base,
            known.target if known else target,
            known.times + 1 if known else 1,
            self._clock.now(),
        )
        return self._sent[attempt_id]

    async def find(self, attempt_id: AttemptId) -> Sent | None:
        """As `SentRequests.find`; never fails."""
        return self._sent.get(attempt_id)


class SharedSentRequests:
    """What every process of a country's worker has sent, in PostgreSQL."""

    def __init__(
        self, pool: "Pool[asyncpg.Record]", vault: Vault, clock: Clock, *, schema: str
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._clock = clock
        self._schema = schema

    async def reserve(self, attempt_id: AttemptId, base: str, target: str) -> Sent:
        """Store the request, or count one more sending of it."""
        reference = domain.reference_id(self._vault, attempt_id)
        now = self._clock.now()
        sent = await self._fetch(_RESERVE, attempt_id, reference, base, target, now)
        failpoint("momo.after_reserve")
        if sent is None:
            raise ProviderUnavailable("request_not_stored", "the statement returned no row")
        return sent

    async def find(self, attempt_id: AttemptId) -> Sent | None:
        """What is stored for an attempt."""
        return await self._fetch(_FIND, attempt_id)

    async def _fetch(self, query: str, *values: object) -> Sent | None:
        try:
            rows: Sequence[asyncpg.Record] = await self._pool.fetch(
                query.format(schema=self._schema), *values
            )
        except _DATABASE_ERRORS as error:
            raise ProviderUnavailable("request_not_stored", type(error).__name__) from error
        for row in rows:
            return Sent(
                row["reference_id"],
                row["base"],
                row["target"],
                row["times"],
                row["last_at"].astimezone(UTC),
            )
        return None
