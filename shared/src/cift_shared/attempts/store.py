"""Attempts in PostgreSQL: every write is one statement, every claim is fenced by its lease."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import asyncpg

from cift_shared.attempts import queries
from cift_shared.attempts.processor import CALLER_REFERENCE, CANCEL_REQUESTED, Notice
from cift_shared.attempts.results import Claim, State
from cift_shared.attempts.rows import OPERATIONS, Request, attempt_of
from cift_shared.attempts.state_machine import Decision
from cift_shared.database.pool import Connection, Pool
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.messaging import outbox
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.messages import (
    CancelPayment,
    MethodResult,
    ProviderNotice,
    RequestDetach,
    RequestSetup,
    VerifyPayment,
)
from cift_shared.messaging.topics import METHOD_RESULTS, RESULTS
from cift_shared.observability.telemetry import trace_headers
from cift_shared.security.field_encryption import Vault

LEASE = timedelta(seconds=60)
"""How long a claim is held: longer than any provider call, unless a worker sets another time."""

NOTICES_MAX = 20
"""Maximum number of notices of one attempt in one decision: each adds a step to the result, and the
result must stay below the message size limit.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A request with the trace context of its record."""

    request: Request
    trace: dict[str, str]


MakeCancelResult = Callable[[AttemptId, int | None, datetime | None], OutgoingMessage]
"""Makes the result message of a cancellation from the attempt's id, the result's seq and the time
of the next query. The seq is None when the attempt had been sent or had ended; only then there may
be a next query.
"""


def subject_of(request: Request) -> UUID:
    """The key of the request's attempt: the id of the payment, the saved method or the detach."""
    match request:
        case RequestSetup():
            return request.payment_method_id
        case RequestDetach():
            return request.detach_id
    return request.payment_id


def attempt_id_of(payment_id: UUID, number: int = 1) -> AttemptId:
    """The id of a payment's attempt, computed from the payment's id, so always the same.

    Even a worker whose tables were restored from an old backup sends the provider the same
    idempotency key as before.
    """
    return AttemptId(uuid5(payment_id, f"attempt-{number}"))


class AttemptStore:
    """The attempts of one worker."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        *,
        schema: str,
        rail: str,
        owner: str,
        vault: Vault,
        cancels_at_provider: bool = False,
    ) -> None:
        """With `cancels_at_provider`, a payment can be canceled after its submission."""
        self._pool = pool
        self._cancels = cancels_at_provider
        self._schema = schema
        self._rail = rail
        self._owner = owner
        self._holder = f"{owner}/{secrets.token_hex(4)}"
        """Identifies this run of the owner: a process knows only of its own claims whether a task
        works on them.
        """
        self._vault = vault
        self.lease = LEASE

    async def ingest(self, commands: Sequence[Command]) -> int:
        """Insert attempts for new commands; republish the last result for known ones.

        Returns:
            The number of new commands.
        """
        ids = [subject_of(command.request) for command in commands]
        async with self._pool.acquire() as connection, connection.transaction():
            fresh = await connection.fetch(
                self._sql(queries.INGEST),
                [attempt_id_of(payment_id) for payment_id in ids],
                ids,
                [OPERATIONS[command.request.kind] for command in commands],
                [command.request.model_dump(mode="json") for command in commands],
                [command.trace for command in commands],
            )
            known = set(ids) - {row["payment_id"] for row in fresh}
            if known:
                await connection.execute(
                    self._sql(queries.REPUBLISH), list(known), RESULTS, METHOD_RESULTS
                )
            failpoint("worker.before_ingest_commit")
        return len(fresh)

    async def cancel(self, cancellation: CancelPayment, make_result: "MakeCancelResult") -> bool:
        """Cancel an attempt that was never sent, and store its result message in the outbox.

        For a sent attempt that is open, if the provider can cancel, the request to cancel is stored
        for the next query. One transaction: a stored cancellation always has its message.

        Returns:
            True when a request for the next query was stored.
        """
        payment_id = cancellation.payment_id
        attempt_id = attempt_id_of(payment_id)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                self._sql(queries.CANCEL_BEFORE_ARRIVAL), attempt_id, payment_id
            ) or await connection.fetchrow(self._sql(queries.CANCEL_UNSENT), payment_id)
            if (
                row is None
                and self._cancels
                and await self._store_request(connection, cancellation)
            ):
                return True
            if row is None:
                due = await connection.fetchval(self._sql(queries.NEXT_CHECK), payment_id)
                message = make_result(attempt_id, None, due)
            else:
                message = make_result(attempt_id, row["seq"] + 1, None)
                await connection.execute(
                    self._sql(queries.STORE_CANCELED_RESULT),
                    attempt_id,
                    message.body,
                    dict(message.headers),
                )
            await outbox.store(connection, self._schema, [message])
            failpoint("worker.before_cancel_commit")
        return False

    async def _store_request(self, connection: Connection, cancellation: CancelPayment) -> bool:
        """Store a request to cancel for the next query; False: the attempt has ended."""
        stored = await connection.fetchval(
            self._sql(queries.STORE_CANCEL_REQUEST),
            cancellation.payment_id,
            f"cancel.{cancellation.payment_id}.{cancellation.requested_at.isoformat()}",
            CANCEL_REQUESTED,
            self._vault.seal(b"cancel", context="notice"),
            cancellation.requested_at,
        )
        return bool(stored)

    async def claim(self, states: Sequence[State], *, limit: int) -> list[Claim]:
        """Claim up to `limit` due attempts in these states, each under a new lease."""
        rows = await self._pool.fetch(
            self._sql(queries.CLAIM), list(states), limit, self._holder, self.lease
        )
        return [self._claim(row) for row in rows]

    async def release_own(self) -> None:
        """Make due the attempts that an earlier run of this instance has claimed."""
        await self._pool.execute(self._sql(queries.RELEASE_OWN), self._owner)

    async def release_lost(self, states: Sequence[State], *, kept: Collection[AttemptId]) -> None:
        """Make due the attempts in these states that this process has claimed, except `kept`."""
        await self._pool.execute(
            self._sql(queries.RELEASE_LOST), self._holder, list(states), list(kept)
        )

    async def next_due_s(self, states: Sequence[State]) -> float | None:
        """Seconds until an attempt in these states is due; negative: due now; None: none is."""
        seconds: float | None = await self._pool.fetchval(self._sql(queries.NEXT_DUE), list(states))
        return seconds

    async def open_notices(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, list[Notice]]:
        """Unhandled notices of these attempts, oldest first, at most `NOTICES_MAX` of each."""
        rows = await self._pool.fetch(
            self._sql(queries.OPEN_NOTICES), list(attempt_ids), NOTICES_MAX
        )
        found: dict[AttemptId, list[Notice]] = {}
        for row in rows:
            found.setdefault(AttemptId(row["attempt_id"]), []).append(self._notice(row))
        return found

    async def store_notices(
        self, notices: Sequence[ProviderNotice], fingerprints: Sequence[str | None]
    ) -> int:
        """Store each notice once and make its attempt due; returns how many attempts became due."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                self._sql(queries.STORE_NOTICES),
                [notice.notice_id for notice in notices],
                [notice.attempt_id for notice in notices],
                [notice.purpose for notice in notices],
                [notice.sealed_body for notice in notices],
                [notice.source_listed for notice in notices],
                [notice.received_at for notice in notices],
                list(fingerprints),
            )
            attempt_ids = [row["attempt_id"] for row in rows]
            due = await connection.fetch(self._sql(queries.MAKE_DUE), attempt_ids)
            failpoint("worker.before_notices_commit")
        return sum(row["is_due"] for row in due)

    async def verify(self, request: VerifyPayment) -> bool:
        """Make the payment's attempt due now; returns True when it is.

        A reference from the API caller is stored for the next query. Nothing changes for an attempt
        that does not exist, is final, or was not sent yet.

        Raises:
            SealBroken: the reference can't be opened; nothing was stored.
        """
        if request.sealed_reference is not None:
            self._vault.open(request.sealed_reference, context="notice")
        rows = await self._pool.fetch(
            self._sql(queries.VERIFY),
            request.payment_id,
            f"verify.{request.verification_id}",
            CALLER_REFERENCE,
            request.sealed_reference,
            request.requested_at,
        )
        return any(row["is_due"] for row in rows)

    async def save(self, decisions: Sequence[Decision], *, now: datetime) -> set[AttemptId]:
        """Store decisions with their results; returns the ids of those whose lease still held."""
        messages = [self._message(decision, now=now) for decision in decisions]
        rows = await self._pool.fetch(
            self._sql(queries.SAVE),
            [decision.claim.attempt.attempt_id for decision in decisions],
            [decision.claim.lease for decision in decisions],
            [decision.state for decision in decisions],
            [_seconds(decision.check_after) for decision in decisions],
            [dict(decision.memory) for decision in decisions],
            [decision.fingerprint for decision in decisions],
            [decision.maybe_sent for decision in decisions],
            [decision.checked for decision in decisions],
            [message.key if message else None for message in messages],
            [dict(message.headers) if message else None for message in messages],
            [message.body if message else None for message in messages],
            [_is_state_result(decision) for decision in decisions],
            [notice_id for decision in decisions for notice_id in decision.notice_ids],
            [message.topic if message else None for message in messages],
            [notice_id for decision in decisions for notice_id in decision.seen_notice_ids],
            [decision.claim.touched_at for decision in decisions],
            [decision.result.seq if decision.result else None for decision in decisions],
        )
        return {AttemptId(row["attempt_id"]) for row in rows}

    async def count_open(self) -> dict[str, int]:
        """The number of unfinished attempts, by state."""
        rows = await self._pool.fetch(self._sql(queries.COUNT_OPEN))
        return {row["state"]: row["count"] for row in rows}

    def _sql(self, query: str) -> str:
        return query.format(schema=self._schema)

    def _message(self, decision: Decision, *, now: datetime) -> OutgoingMessage | None:
        if decision.result is None:
            return None
        topic = METHOD_RESULTS if isinstance(decision.result, MethodResult) else RESULTS
        message = outgoing(topic, decision.result, source=f"{self._rail}-worker", at=now)
        trace = {} if trace_headers() else decision.claim.trace
        return OutgoingMessage(
            message.topic, message.key, message.body, {**message.headers, **trace}
        )

    def _claim(self, row: asyncpg.Record) -> Claim:
        return Claim(
            attempt=attempt_of(row),
            payment_id=str(row["payment_id"]),
            rail=self._rail,
            state=row["state_before"],
            lease=row["lease"],
            seq=row["seq"],
            submits=row["submits"],
            maybe_sent=row["maybe_sent"],
            age=row["age"],
            touched_at=row["updated_at"],
            trace=row["trace"],
        )

    def _notice(self, row: asyncpg.Record) -> Notice:
        return Notice(
            notice_id=row["notice_id"],
            purpose=row["purpose"],
            body=self._vault.open(row["sealed_body"], context="notice"),
            source_listed=row["source_listed"],
            received_at=row["received_at"],
        )


def _seconds(delay: timedelta | None) -> float | None:
    return None if delay is None else delay.total_seconds()


def _is_state_result(decision: Decision) -> bool:
    """True for a result that is republished for a repeated command; a note must not replace it."""
    result = decision.result
    return result is not None and result.kind not in ("noted", "reversed", "reinstated", "disputed")
