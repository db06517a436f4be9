"""Consume commands and notices: a command becomes an attempt, a notice makes its attempt due.

Kafka offsets are committed after the database transaction.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from cift_shared.attempts.results import CANCELED_UNSENT
from cift_shared.attempts.store import AttemptStore, Command, subject_of
from cift_shared.clock import Clock
from cift_shared.errors import SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.message import first_problem
from cift_shared.messaging.messages import (
    COMMANDS,
    CancelPayment,
    PaymentResult,
    ProviderNotice,
    Step,
    VerifyPayment,
)
from cift_shared.messaging.record import Record, RejectedRecord
from cift_shared.messaging.topics import RESULTS
from cift_shared.observability import metrics
from cift_shared.observability.log import get_logger
from cift_shared.rails.registry import rail_named
from cift_shared.security.callback_token import NO_ATTEMPT
from cift_shared.security.field_encryption import Vault

_TRACE_HEADERS = ("traceparent", "tracestate")

log = get_logger()


class CommandConsumer:
    """Handles `payments.commands.<rail>`."""

    def __init__(
        self,
        store: AttemptStore,
        *,
        rail: str,
        clock: Clock,
        wake_dispatch: Callable[[], None],
        wake_relay: Callable[[], None],
        wake_poll: Callable[[], None],
    ) -> None:
        """The `wake_...` functions wake a loop that has new work."""
        self._store = store
        self._rail = rail
        self._clock = clock
        self._wake_dispatch = wake_dispatch
        self._wake_relay = wake_relay
        self._wake_poll = wake_poll

    async def handle(self, records: Sequence[Record]) -> list[RejectedRecord]:
        """Store a batch of commands; records that can't be parsed are rejected."""
        requests: dict[object, Command] = {}
        cancellations: list[CancelPayment] = []
        verifications: list[tuple[Record, VerifyPayment]] = []
        rejected: list[RejectedRecord] = []
        for record in records:
            command = self._read(record)
            if isinstance(command, RejectedRecord):
                rejected.append(command)
            elif isinstance(command, CancelPayment):
                cancellations.append(command)
            elif isinstance(command, VerifyPayment):
                verifications.append((record, command))
            else:
                requests.setdefault(subject_of(command.request), command)
        await self._ingest(list(requests.values()))
        for cancellation in cancellations:
            await self._cancel(cancellation)
        return rejected + await self._verify(verifications)

    def _read(self, record: Record) -> Command | CancelPayment | VerifyPayment | RejectedRecord:
        try:
            command = COMMANDS.validate_json(record.body or b"")
        except ValidationError as error:
            return RejectedRecord(record, "undecodable", first_problem(error))
        if isinstance(command, CancelPayment | VerifyPayment):
            return command
        if command.carried_by != self._rail:
            rail = command.carried_by[:40]
            return RejectedRecord(record, "wrong_rail", f"a command for {rail}")
        trace = {name: record.headers[name] for name in _TRACE_HEADERS if name in record.headers}
        return Command(command, trace)

    async def _ingest(self, commands: list[Command]) -> None:
        if not commands:
            return
        fresh = await self._store.ingest(commands)
        failpoint("worker.after_ingest")
        metrics.DUPLICATES.labels("command").inc(len(commands) - fresh)
        self._wake_dispatch()
        self._wake_relay()

    async def _verify(
        self, verifications: Sequence[tuple[Record, VerifyPayment]]
    ) -> list[RejectedRecord]:
        rejected = []
        for record, verification in verifications:
            try:
                due = await self._store.verify(verification)
            except SealBroken as error:
                rejected.append(RejectedRecord(record, "undecodable", str(error)))
                continue
            failpoint("worker.after_verify")
            log.info("attempt.verify_asked", payment_id=str(verification.payment_id), due=due)
            if due:
                self._wake_poll()
        return rejected

    async def _cancel(self, cancellation: CancelPayment) -> None:
        def make_result(
            attempt_id: AttemptId, seq: int | None, due: datetime | None
        ) -> OutgoingMessage:
            return self._cancel_result(cancellation, attempt_id, seq, due)

        is_stored = await self._store.cancel(cancellation, make_result)
        failpoint("worker.after_cancel")
        if is_stored:
            log.info("attempt.cancel_asked", payment_id=str(cancellation.payment_id))
            self._wake_poll()
        self._wake_relay()

    def _cancel_result(
        self,
        cancellation: CancelPayment,
        attempt_id: AttemptId,
        seq: int | None,
        next_check_at: datetime | None,
    ) -> OutgoingMessage:
        """The result of a cancellation; if it came too late, a note that is not counted (seq 0)."""
        now = self._clock.now()
        stopped = seq is not None
        result = PaymentResult(
            kind="canceled" if stopped else "noted",
            result_id=f"{attempt_id}.{seq if stopped else 'cancel-refused'}",
            attempt_id=attempt_id,
            seq=seq or 0,
            payment_id=cancellation.payment_id,
            method=rail_named(self._rail).method,
            rail=self._rail,
            occurred_at=now,
            failure=CANCELED_UNSENT if stopped else None,
            next_check_at=next_check_at,
            evidence=[Step(at=now, name="cancel.done" if stopped else "cancel.too_late")],
        )
        return outgoing(RESULTS, result, source=f"{self._rail}-worker", at=now)


FindAttempts = Callable[[Mapping[str, bytes]], Awaitable[Mapping[str, AttemptId]]]
"""Finds the attempt of each notice; takes notice ids with bodies, returns notice ids with attempt
ids. A notice without an attempt is left out.
"""


class NoticeConsumer:
    """Handles `payments.webhooks.<provider>`."""

    def __init__(
        self,
        store: AttemptStore,
        *,
        vault: Vault,
        read_fingerprint: Callable[[bytes], "AttemptId | str | None"],
        wake_poll: Callable[[], None],
        find_attempts: "FindAttempts | None" = None,
        purposes: Collection[int] | None = None,
    ) -> None:
        """`find_attempts` handles notices in which `read_fingerprint` finds nothing.

        `wake_poll` wakes the polling loop when a notice was stored. `purposes` are the numbers of
        the rail's callback paths, if several rails read the notices of one provider: a notice on
        another path is left to the other rail. None: every notice is for this rail.
        """
        self._store = store
        self._vault = vault
        self._read_fingerprint = read_fingerprint
        self._wake_poll = wake_poll
        self._find_attempts = find_attempts
        self._purposes = purposes

    async def handle(self, records: Sequence[Record]) -> list[RejectedRecord]:
        """Store a batch of notices; records that can't be parsed or decrypted are rejected."""
        notices: dict[str, ProviderNotice] = {}
        fingerprints: dict[str, str | None] = {}
        unmatched: dict[str, bytes] = {}
        rejected: list[RejectedRecord] = []
        for record in records:
            try:
                notice = ProviderNotice.model_validate_json(record.body or b"")
                body = self._vault.open(notice.sealed_body, context="notice")
            except (ValidationError, SealBroken) as error:
                rejected.append(RejectedRecord(record, "undecodable", _reason(error)))
                continue
            if self._purposes is not None and notice.purpose not in self._purposes:
                continue
            if notice.attempt_id == NO_ATTEMPT:
                notice = notice.model_copy(update={"attempt_id": None})
            found = self._read_fingerprint(body) if notice.attempt_id is None else None
            if isinstance(found, UUID):
                notice, found = notice.model_copy(update={"attempt_id": found}), None
            if notice.attempt_id is None and found is None:
                unmatched[notice.notice_id] = body
            notices[notice.notice_id] = notice
            fingerprints[notice.notice_id] = found
        if self._find_attempts is not None and unmatched:
            for notice_id, attempt_id in (await self._find_attempts(unmatched)).items():
                update = {"attempt_id": attempt_id}
                notices[notice_id] = notices[notice_id].model_copy(update=update)
        if notices:
            due = await self._store.store_notices(
                list(notices.values()), [fingerprints[notice_id] for notice_id in notices]
            )
            failpoint("worker.after_notices")
            log.info("notices.stored", count=len(notices), attempts_due=due)
            self._wake_poll()
        return rejected


def _reason(error: ValidationError | SealBroken) -> str:
    return first_problem(error) if isinstance(error, ValidationError) else str(error)
