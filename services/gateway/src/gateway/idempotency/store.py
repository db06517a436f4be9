"""Stored decisions: one for each idempotency key, written by the statement that decides."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, cast
from uuid import UUID

import asyncpg

from cift_shared.database.pool import Pool
from cift_shared.failpoints import failpoint
from gateway.auth.authenticator import Caller
from gateway.database.groups import GroupWriter, Unjudged, Written
from gateway.database.outbox import outbox_row
from gateway.database.queries import Row, fetch_row, fetch_rows, load_statements
from gateway.idempotency.acceptance import KEY_LIFETIME, Acceptance
from gateway.problems.problem import as_problem

SQL = load_statements("gateway.idempotency")

_KEY_CONSTRAINT = "idempotency_key_pkey"
REFUSED_FROM = 400
"""The lowest HTTP status of a refusal."""


class KeyInFlight(Exception):
    """Another request with the same idempotency key is being decided right now."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key in its scope: merchant, mode and route."""

    caller: Caller
    route: str
    key_digest: str
    """Keyed hash of the key; the key itself may contain personal data."""
    request_digest: str
    instance: str
    """The id of this request, for the problem document of a refusal."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """The stored decision of the first request with an idempotency key."""

    request_digest: str
    resource_id: UUID | None
    """The id of the accepted resource; None for a refusal."""
    status: int
    location: str | None
    """The URL path of the resource; None for a refusal."""
    reply: dict[str, Any]
    """The data of the first response; for a refusal, the problem document."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision about a request, as stored under its idempotency key."""

    status: int
    reply: dict[str, Any]
    """The first reply, or the problem document of a refusal."""

    @property
    def refused(self) -> bool:
        """True when the request was refused."""
        return self.status >= REFUSED_FROM


@cache
def accept_statement(write: str) -> str:
    """The SQL statement of acceptances; `write` is the part that the feature provides."""
    return SQL["accept"].replace("{write}", write)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One acceptance to write."""

    key: RequestKey
    acceptance: Acceptance
    now: datetime

    @property
    def identity(self) -> Hashable:
        """The key in its scope; a group has one request of each."""
        caller = self.key.caller
        return caller.merchant_id, caller.livemode, self.key.route, self.key.key_digest

    def columns(self) -> tuple[Any, ...]:
        """The element of each argument of `sql/accept.sql`."""
        key, accepted = self.key, self.acceptance
        refusals = {
            state: as_problem(error).document(key.instance)
            for state, error in accepted.refusals.items()
        }
        return (
            key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
            key.request_digest, accepted.row, accepted.resource_id, accepted.location,
            accepted.reply, self.now, self.now + KEY_LIFETIME, accepted.status,
            *outbox_row(accepted.message), refusals,
        )  # fmt: skip


class IdempotencyStore:
    """Reads and writes decisions; each one belongs to one merchant and mode."""

    def __init__(self, pool: "Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._writers: dict[str, GroupWriter[_Entry, Outcome | None]] = {}

    async def accept(
        self, key: RequestKey, acceptance: Acceptance, *, now: datetime
    ) -> Outcome | None:
        """Write the accepted resource, its command and the key, in one statement with others.

        When the database refuses, the same statement stores the refusal under the key instead.

        Returns:
            What was stored; None when the key was used before.

        Raises:
            KeyInFlight: another request with the same key is being decided.
        """
        entry = _Entry(key, acceptance, now)
        return await self._writer(acceptance.write).write(entry)

    def _writer(self, write: str) -> "GroupWriter[_Entry, Outcome | None]":
        """The writer of one kind of resource: refunds don't wait for conversions."""
        if write not in self._writers:
            accept = partial(self._accept_group, accept_statement(write))
            self._writers[write] = GroupWriter(accept, lambda entry: entry.identity)
        return self._writers[write]

    async def _accept_group(
        self, statement: str, group: Sequence[_Entry]
    ) -> "Written[Outcome | None]":
        columns = zip(*(entry.columns() for entry in group), strict=True)
        failpoint("gateway.before_commit")
        try:
            rows = await fetch_rows(self._pool, statement, *columns)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != _KEY_CONSTRAINT or len(group) > 1:
                raise
            rows = None
        failpoint("gateway.after_commit")
        return [None] if rows is None else [_accepted(row) for row in rows]

    async def refuse(
        self, key: RequestKey, problem: dict[str, Any], *, now: datetime
    ) -> Outcome | None:
        """Store a refusal under its key; `problem` is the problem document of the response.

        Returns:
            What was stored; None when the key was used before.

        Raises:
            KeyInFlight: another request with the same key is being decided.
        """
        failpoint("gateway.before_refusal")
        stored = await self._claim(
            SQL["refuse"],
            key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
            key.request_digest, problem["status"], problem, now, now + KEY_LIFETIME,
        )  # fmt: skip
        failpoint("gateway.after_refusal")
        return stored

    async def _claim(self, statement: str, *args: Any) -> Outcome | None:
        try:
            row = await fetch_row(self._pool, statement, *args)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != _KEY_CONSTRAINT:
                raise
            return None
        if row is None or not row["held"]:
            raise KeyInFlight
        return _outcome(row)

    async def stored_reply(self, key: RequestKey) -> StoredReply | None:
        """Read the stored decision of the key's first request; None for a new key."""
        row = await fetch_row(
            self._pool, SQL["stored_reply"],
            key.caller.merchant_id, key.caller.livemode, key.route, key.key_digest,
        )  # fmt: skip
        return None if row is None else StoredReply(**row)

    async def delete_old(self, *, expired_before: datetime) -> None:
        """Delete some of the keys that expired before a moment."""
        await self._pool.execute(SQL["delete_old_keys"], expired_before)


async def accept_once(
    pool: "Pool[asyncpg.Record]", key: RequestKey, acceptance: Acceptance, *, now: datetime
) -> Outcome | None:
    """Write an acceptance as `IdempotencyStore.accept` does, but store no refusal.

    Returns:
        What was stored; a refusal, which was not; None when the key or the payment exists.

    Raises:
        KeyInFlight: another request with the same key is being decided.
    """
    columns = [[value] for value in _Entry(key, acceptance, now).columns()]
    try:
        async with pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(accept_statement(acceptance.write), *columns)
            if row is None or not row["held"]:
                raise KeyInFlight
            outcome = _outcome(cast("Row", row))
            if outcome is not None and outcome.refused:
                raise _NotStored(outcome)
            return outcome
    except _NotStored as refused:
        return refused.outcome
    except asyncpg.UniqueViolationError:
        return None


class _NotStored(Exception):
    """Rolls a refusal back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def _accepted(row: Row) -> Outcome | KeyInFlight | Unjudged | None:
    """What became of one request of a group."""
    if not row["held"]:
        return KeyInFlight()
    return Unjudged.BUSY if row["is_busy"] else _outcome(row)


def _outcome(row: Row) -> Outcome | None:
    return None if row["status"] is None else Outcome(row["status"], row["reply"])
