"""Payments and refunds: accept, cancel, read, wait.

endpoints -> Payments -> (price, instrument) -> commands (pure) -> Idempotency.decide -> database
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory, PaymentId
from cift_shared.messaging.outbox import Relay
from cift_shared.rails.gateway import payer_country
from cift_shared.rails.registry import rail_for
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.database.queries import Row
from gateway.http.prefer_wait import Waiting, Watched
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.service import Accepted, Decision, Idempotency
from gateway.idempotency.store import RequestKey
from gateway.payment_methods.instrument_resolver import InstrumentResolver, Payer, check_choice
from gateway.payment_methods.kinds import kind_for
from gateway.payment_methods.next_actions import waits_for_caller
from gateway.payments.accepted_record import with_record
from gateway.payments.commands import (
    Origin,
    cancel_message,
    cancel_refusal,
    cancels_after_submit,
    check_refund_amount,
    payment_acceptance,
    refund_acceptance,
    refund_amount,
    verify_message,
)
from gateway.payments.presenters import payment_out
from gateway.payments.repository import VERIFY_EVERY, PaymentRepository
from gateway.payments.requests import PaymentIn, RefundIn
from gateway.payments.responses import PaymentOut
from gateway.payments.statuses import FINAL_STATUSES
from gateway.problems.problem import Problem
from gateway.quotes.pricing import PriceRequest, requested_amount
from gateway.quotes.service import Quotes

PAYMENTS_ACCEPTED = Counter(
    "cift_payments_accepted_total", "Payments accepted.", ["method", "type"]
)


FloatIsLow = Callable[[str, str], Awaitable[bool]]
"""True when a rail has too little to pay out in a currency."""


@dataclass(slots=True, eq=False)
class Payments:
    """The operations on payments."""

    repository: PaymentRepository
    idempotency: Idempotency
    instruments: InstrumentResolver
    quotes: Quotes
    waiting: Waiting
    relay: Relay
    vault: Vault
    clock: Clock
    ids: IdFactory
    is_float_low: FloatIsLow

    async def create(self, body: PaymentIn, key: RequestKey) -> Decision:
        """Accept a deposit or a withdrawal, or refuse it.

        Raises:
            Problem: a refusal that is not stored.
            InvalidCommand: the same.
        """
        # since the first request, the saved method may be deleted or the quote expired
        chosen = body.payment_method
        names_stored = (chosen and chosen.id) is not None or body.quote_id is not None
        if names_stored and (earlier := await self.idempotency.earlier(key)):
            return earlier
        # errors in the body alone are refused here; they are not stored under the key
        request = _price_request(body)
        requested_amount(request)
        check_choice(kind_for(request.rail, request.type), chosen, off_session=body.off_session)
        return await self._decide(key, self._evaluate_payment(body, request, key.caller))

    async def _evaluate_payment(
        self, body: PaymentIn, request: PriceRequest, caller: Caller
    ) -> Acceptance:
        self.instruments.check_offered(request.rail, request.currency)
        if request.type == "withdrawal" and await self.is_float_low(
            request.rail.name, request.currency
        ):
            raise Problem("float_low")
        now = self.clock.now()
        price = await self.quotes.price(caller, request, body.quote_id, at=now)
        payer = Payer(caller, body.customer_id, request.rail)
        kind = kind_for(request.rail, request.type)
        instrument = await self.instruments.resolve(kind, body.payment_method, payer)
        return payment_acceptance(body, request.rail, price, instrument, self._origin(caller, now))

    async def refund(self, payment_id: UUID, body: RefundIn, key: RequestKey) -> Decision:
        """Accept a refund of a deposit, or refuse it.

        Raises:
            Problem: payment_not_found, or another refusal that is not stored.
            InvalidCommand: an amount that can never be refunded of this deposit.
        """
        if earlier := await self.idempotency.earlier(key):
            return earlier
        parent = await self.one(key.caller, payment_id)
        # errors in the body alone are refused here; they are not stored under the key
        check_refund_amount(body, parent)
        return await self._decide(key, self._evaluate_refund(body, parent, key.caller))

    async def _evaluate_refund(self, body: RefundIn, parent: Row, caller: Caller) -> Acceptance:
        amount = refund_amount(body, parent)
        origin = self._origin(caller, self.clock.now())
        return refund_acceptance(body, amount, parent, origin)

    def _origin(self, caller: Caller, now: datetime) -> Origin:
        return Origin(PaymentId(self.ids.new_id()), caller, now)

    async def _decide(
        self, key: RequestKey, evaluation: Coroutine[Any, Any, Acceptance]
    ) -> Decision:
        async def recorded() -> Acceptance:
            return with_record(await evaluation, key, self.vault)

        decision = await self.idempotency.decide(key, recorded())
        if isinstance(decision, Accepted):
            row = decision.acceptance.row
            PAYMENTS_ACCEPTED.labels(row["method"], row["type"]).inc()
        return decision

    async def cancel(self, caller: Caller, payment: Row) -> Row:
        """Send the worker the command to cancel a payment; returns the payment as it is now.

        The worker cancels what it has not sent to the provider; what it has sent only if the rail
        can cancel that and the provider confirms it.

        Raises:
            Problem: not_cancelable or payment_not_found.
        """
        payment_id, now = payment["payment_id"], self.clock.now()
        message = cancel_message(payment_id, payment["rail"], now)
        after_submit = cancels_after_submit(payment["rail"])
        try:
            await self.repository.cancel(
                caller, payment_id, message, after_submit=after_submit, now=now
            )
        except asyncpg.PostgresError as error:
            if problem := cancel_refusal(error.sqlstate):
                raise problem from error
            raise
        self.relay.wake()
        return await self.one(caller, payment_id)

    async def verify(self, caller: Caller, payment: Row, reference: str | None) -> Row:
        """Send the worker the command to query the provider now; returns the payment as it is.

        Nothing is sent for a final payment, nor when the last request is younger than
        `VERIFY_EVERY` and had the same reference, or this one has none.

        Raises:
            Problem: verification_too_soon: the last request had another reference.
        """
        if payment["status"] in FINAL_STATUSES:
            return payment
        payment_id = payment["payment_id"]
        sealed = mark = None
        if reference is not None:
            sealed = self.vault.seal(reference.encode(), context="notice")
            mark = self.vault.fingerprint(reference.encode(), context="verification")
        if await self.query_now(payment, sealed, mark):
            return await self.one(caller, payment_id)
        if mark is not None and mark != await self.repository.verified_mark(payment_id):
            retry = {"Retry-After": str(int(VERIFY_EVERY.total_seconds()))}
            raise Problem("verification_too_soon", headers=retry)
        return await self.one(caller, payment_id)

    async def query_now(
        self, payment: Row, sealed_reference: str | None = None, mark: str | None = None
    ) -> bool:
        """Send the worker the command to query the provider about a payment that is not final.

        Args:
            payment: its id, rail and status.
            sealed_reference: the provider's reference that the caller brought.
            mark: the keyed hash of that reference.

        Returns:
            False when nothing was sent: the last command is younger than `VERIFY_EVERY`.
        """
        now = self.clock.now()
        message = verify_message(payment, self.ids.new_id(), sealed_reference, now)
        sent = await self.repository.verify(payment["payment_id"], mark, message, now=now)
        if sent:
            self.relay.wake()
        return sent

    async def one(self, caller: Caller, payment_id: UUID) -> Row:
        """Read one payment.

        Raises:
            Problem: payment_not_found.
        """
        row = await self.repository.one(caller, payment_id)
        if row is None:
            raise Problem("payment_not_found")
        return row

    async def wait(self, caller: Caller, payment_id: UUID, wait_s: int) -> Row | None:
        """Read a payment once it is final or has an action for the payer, or the time is over.

        Returns None without waiting when the API key has too many long requests open.
        """

        async def read() -> Row | None:
            return await self.repository.one(caller, payment_id)

        watched = Watched(payment_id, read, _nothing_to_wait_for)
        return await self.waiting.until(caller.key_id, watched, wait_s)

    def shown(self, row: Row) -> PaymentOut:
        """A payment for its owner, with the secrets of its next action in clear text."""
        return payment_out(row, self.vault)


def _price_request(body: PaymentIn) -> PriceRequest:
    fields = body.payment_method.fields() if body.payment_method else {}
    country = payer_country(body.method, fields)
    rail = rail_for(body.method, body.type, body.currency, country)
    return PriceRequest(body.type, rail, body.amount, body.currency)


def _nothing_to_wait_for(payment: Row) -> bool:
    """True when the payment is final, or when the caller must pass its next action to the payer."""
    return payment["status"] in FINAL_STATUSES or waits_for_caller(payment["next_action"])
