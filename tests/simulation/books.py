"""The other side of the topics: a gateway and a ledger, each as small as its promise.

The books are the reference model that `tests/integration/ledger` holds against the SQL. The handler
and the sweeper around them are the service's own.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import (
    CancelPayment,
    PaymentRequest,
    PaymentResult,
    ProviderNotice,
    RequestRefund,
    VerifyPayment,
)
from cift_shared.messaging.topics import commands, webhooks
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from ledger.posting.domain import OPEN, Outcome, Status, may_move
from ledger.posting.store import Stuck
from tests.integration.ledger.model import Model, ModelPayment
from tests.simulation.loop import Network
from tests.simulation.memory_pool import away
from tests.simulation.memory_sql import Schema

CUSTOMER = "cus_1"
FUNDS = 10_000_000_00
KINDS = {
    "request_deposit": "deposit",
    "request_withdrawal": "withdrawal",
    "request_refund": "refund",
}


@dataclass
class Silence:
    """What the sweeper looks at."""

    command: OutgoingMessage
    heard_at: datetime
    next_check_at: datetime | None = None
    swept_at: datetime | None = None
    sweeps: int = 0

    def overdue(self, payment: ModelPayment, now: datetime) -> bool:
        """As `ledger.overdue` and `ledger.sweep`."""
        if payment.status not in OPEN:
            return False
        if self.next_check_at is not None:
            since = self.next_check_at + timedelta(minutes=5)
        elif payment.status is Status.PENDING:
            since = self.heard_at + timedelta(seconds=30)
        else:
            since = self.heard_at + timedelta(hours=1)
        gap = timedelta(seconds=30 if payment.status is Status.PENDING else 300)
        again = self.swept_at is None or self.swept_at + 2 ** min(self.sweeps, 6) * gap <= now
        return since <= now and again


class Books(Model):
    """The reference model, with a note of every move."""

    def __init__(self) -> None:
        super().__init__()
        self.edges: set[tuple[Status, Status]] = set()
        self.illegal: list[str] = []
        self.outcomes: set[str] = set()
        self.posted[CUSTOMER] -= FUNDS
        self.posted["funding"] += FUNDS

    def _move(self, payment: ModelPayment, status: Status, seq: int) -> None:
        self.edges.add((payment.status, status))
        if not may_move(payment.status, status):
            self.illegal.append(f"{payment.status} -> {status}")
        super()._move(payment, status, seq)


class MemoryLedger:
    """Where `LedgerStore` stands."""

    def __init__(self, books: Books, schema: Schema, network: Network) -> None:
        self._books = books
        self._schema = schema
        self._network = network
        self.silences: dict[str, Silence] = {}

    async def apply_results(
        self, results: Sequence[PaymentResult], traceparents: Sequence[str | None]
    ) -> list[Outcome]:
        del traceparents
        return await self._network.call(
            "database", "ledger.apply", lambda: [self._apply(one) for one in results], away
        )

    def _apply(self, result: PaymentResult) -> Outcome:
        payment = self._books.payments.get(str(result.payment_id))
        if payment is None:
            return Outcome.UNKNOWN_PAYMENT
        before = payment.status
        outcome = Outcome(self._books.apply([result])[0])
        self._books.outcomes.add(outcome)
        words = (result.result_id[-6:], result.kind, outcome, before, payment.status)
        self._network.trace.note("ledger", *words)
        if outcome is not Outcome.DUPLICATE:
            silence = self.silences[str(result.payment_id)]
            silence.heard_at = self._schema.now()
            silence.next_check_at = result.next_check_at
            silence.swept_at, silence.sweeps = None, 0
        return outcome

    async def sweep(self, *, now: datetime, limit: int) -> int:
        return await self._network.call("database", "ledger.sweep", lambda: self._sweep(now), away)

    def _sweep(self, now: datetime) -> int:
        due = [
            silence
            for key, silence in self.silences.items()
            if silence.overdue(self._books.payments[key], now)
        ]
        for silence in due:
            silence.swept_at, silence.sweeps = now, silence.sweeps + 1
            told = silence.command
            self._schema.queue(told.topic, told.key, told.headers, told.body)
        return len(due)

    async def expire_holds(self, *, now: datetime, limit: int) -> int:
        return 0

    async def stuck(self, *, now: datetime) -> list[Stuck]:
        return []


@dataclass
class Gateway:
    """Accepts payments and webhooks: each is one step with its outbox row."""

    books: Books
    ledger: MemoryLedger
    schema: Schema
    vault: Vault
    tokens: CallbackTokens
    accepted: dict[str, PaymentRequest] = field(default_factory=dict)
    inbox: set[str] = field(default_factory=set)

    def accept(self, request: PaymentRequest) -> None:
        """A payment that is accepted is never forgotten again."""
        key, parent = str(request.payment_id), None
        if isinstance(request, RequestRefund):
            parent = self.books.payments[str(request.original.payment_id)]
        kind = KINDS[request.kind]
        payment = ModelPayment(kind, CUSTOMER, request.amount.minor, 0, parent)
        assert self.books.accept(key, payment)
        self.accepted[key] = request
        message = self._queue(commands(request.method), request)
        self.ledger.silences[key] = Silence(message, self.schema.now())

    def cancel(self, payment_id: UUID) -> None:
        method = self.accepted[str(payment_id)].method
        wish = CancelPayment(payment_id=payment_id, requested_at=self.schema.now())
        self._queue(commands(method), wish)

    def verify(self, payment_id: UUID, verification_id: UUID, reference: str | None) -> None:
        """A customer has the provider queried now, and may bring a reference of the provider's."""
        request = self.accepted[str(payment_id)]
        sealed = self.vault.seal(reference.encode(), context="notice") if reference else None
        wish = VerifyPayment(
            payment_id=payment_id,
            verification_id=verification_id,
            sealed_reference=sealed,
            requested_at=self.schema.now(),
        )
        self._queue(commands(request.method), wish)

    def take_webhook(self, address: str, raw: bytes) -> bool:
        """Keep a posting once; False for a stranger."""
        provider, place = "stripe", None
        if "/callbacks/" in address:
            provider = "mpesa"
            place = self.tokens.read(address.rpartition("/")[2])
            if place is None:
                return False
        notice_id = hashlib.sha256(address.encode() + raw).hexdigest()
        if notice_id in self.inbox:
            return True
        self.inbox.add(notice_id)
        notice = ProviderNotice(
            notice_id=notice_id,
            provider=provider,
            attempt_id=place.attempt_id if place else None,
            purpose=place.purpose if place else None,
            sealed_body=self.vault.seal(raw, context="notice"),
            source_listed=True,
            received_at=self.schema.now(),
        )
        self._queue(webhooks(provider), notice)
        return True

    def _queue(self, topic: str, message: Message) -> OutgoingMessage:
        told = outgoing(topic, message, source="gateway", at=self.schema.now())
        self.schema.queue(told.topic, told.key, told.headers, told.body)
        return told


def money_words(book: Sequence[tuple[str, int]], attempt: str) -> list[int]:
    """What moved for an attempt, in order."""
    return [cents for about, cents in book if about == attempt]


__all__ = ["CUSTOMER", "Books", "Gateway", "MemoryLedger", "Silence", "money_words"]
