"""Follow a settled deposit: disputes, chargebacks, reversals, refunds made at PayPal's own site.

The state is always read from PayPal, as events may be late, repeated or out of order. Amounts are
totals, so each result reports the present state, once for each change. Events only say which
reversals to read; amount and status are those that PayPal returns.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.outcomes import (
    Dispute,
    Disputed,
    Outcome,
    Pending,
    Reinstated,
    Reversed,
)
from cift_shared.money.amount import Money
from paypal_worker import dispute_mapping as rules
from paypal_worker import domain, mapping, wire
from paypal_worker.context import NO_WAIT, Context
from paypal_worker.notices import event_in
from paypal_worker.transport import RequestRefused

_DISPUTE, _REVERSAL = "dispute:", "reversal:"
_NOT_FOUND = 404
_UNINFORMATIVE = frozenset(
    {
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.ORDER.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.PENDING",
    }
)
"""Events that say nothing new about a deposit that has settled."""
_WITH_REFUND = frozenset({"PAYMENT.CAPTURE.REVERSED", "PAYMENT.CAPTURE.REFUNDED"})
_COMPLETED = "COMPLETED"


class Disputes:
    """Checks settled deposits for money that PayPal took back, or gave back."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def next_read(self, attempt: Attempt) -> timedelta | None:
        """The wait before a settled deposit is read again; None: never, unless PayPal writes."""
        return self._context.watch(attempt, domain.WATCH_DEPOSIT_S)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Report the first thing that has changed; an immediate next check finds the others.

        Raises:
            PaymentProcessorError: PayPal did not answer.
        """
        nothing_new = Answer(Pending(), check_after=self.next_read(attempt))
        events = [event for event in (event_in(notice.body) for notice in notices) if event]
        if events and {event.type for event in events} <= _UNINFORMATIVE:
            return nothing_new
        named = [str(event.resource.get("id")) for event in events if event.type in _WITH_REFUND]
        capture_id, order_id = attempt.memory.get("capture"), attempt.memory.get("order")
        if capture_id is None or order_id is None:
            return nothing_new
        disputes = await self._disputes(capture_id)
        refunds = await self._refunds(order_id, capture_id, named)
        failpoint("paypal.after_look")
        return self._changed(attempt, disputes, refunds) or nothing_new

    async def _disputes(self, capture_id: str) -> list[Dispute]:
        context, found = self._context, []
        for head in (await context.api.list_disputes(capture_id)).items:
            dispute = await context.api.read_dispute(head.dispute_id)
            for kind, word in rules.unknown_words(dispute):
                context.count_unknown(kind, word)
            try:
                found.append(rules.dispute_of(dispute))
            except ValueError as error:
                context.count_unknown("dispute", str(error))
        return found

    async def _refunds(
        self, order_id: str, capture_id: str, named: Sequence[str]
    ) -> list[wire.Refund]:
        """Every refund of the capture, whoever made it, as PayPal returns it now."""
        found = {one.id: one for one in (await self._context.api.read_order(order_id)).refunds}
        for name in named:
            if name not in found:
                refund = await self._named(name)
                if refund is not None and refund.capture_id == capture_id:
                    found[name] = refund
        return list(found.values())

    async def _named(self, name: str) -> wire.Refund | None:
        try:
            return await self._context.api.read_refund(name)
        except RequestRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _changed(
        self, attempt: Attempt, disputes: Sequence[Dispute], refunds: Sequence[wire.Refund]
    ) -> Answer | None:
        decided = {
            name.removeprefix(_REVERSAL): value
            for name, value in attempt.memory.items()
            if name.startswith(_REVERSAL)
        }
        try:
            foreign = rules.foreign_refunds(refunds, str(attempt.attempt_id))
        except ValueError as error:
            self._context.count_unknown("refund", str(error))
            foreign = {}
        amounts = {
            name: amount
            for name, (amount, status) in foreign.items()
            if status == _COMPLETED or name in decided
        }
        debits = rules.compared(disputes, amounts, decided)
        return self._dispute(attempt, debits.disputes) or self._reversal(foreign, decided, debits)

    def _dispute(self, attempt: Attempt, disputes: Sequence[Dispute]) -> Answer | None:
        """The first dispute that has changed."""
        for dispute in disputes:
            name, digest = _DISPUTE + dispute.reference, _digest(dispute)
            if attempt.memory.get(name) != digest:
                step = self._context.step(
                    "dispute.read",
                    dispute=dispute.reference,
                    status=dispute.status,
                    closed=dispute.closed,
                )
                return Answer(Disputed(dispute), {name: digest}, None, [step], NO_WAIT)
        return None

    def _reversal(
        self,
        foreign: Mapping[str, tuple[Money, str]],
        decided: Mapping[str, str],
        debits: rules.Debits,
    ) -> Answer | None:
        """The first reversal that is new, or was undone."""
        for name, (amount, status) in foreign.items():
            before = decided.get(name)
            if before is None and status == _COMPLETED:
                if name in debits.covered:
                    return self._told(name, rules.COVERED, Pending(), status)
                outcome = Reversed(amount, name, "not requested by us")
                return self._told(name, rules.REPORTED, outcome, status)
            if before == rules.REPORTED and status in mapping.REFUND_ENDED:
                return self._told(name, rules.UNDONE, Reinstated(amount, name, status), status)
        return None

    def _told(self, name: str, decision: str, outcome: Outcome, status: str) -> Answer:
        step = self._context.step("reversal.read", reversal=name, status=status, decision=decision)
        return Answer(outcome, {_REVERSAL + name: decision}, None, [step], NO_WAIT)


def _digest(dispute: Dispute) -> str:
    text = json.dumps(asdict(dispute), default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
