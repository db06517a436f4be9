"""Follow a deposit that has ended: Stripe's fee, disputes, an unexpected success.

The state is always read from the API, because notices may be late, repeated or out of order. Sums
are totals. So each result reports the current state, once for each change.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

from card_worker import domain, mapping, wire
from card_worker.context import FEE_REPORTED, NO_WAIT, REPORTED, Context, event_types
from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.outcomes import Dispute, Disputed, Pending, Settled

_DISPUTE = "dispute:"
_SUCCESS = frozenset({"payment_intent.succeeded", "charge.succeeded"})
_UNINFORMATIVE = _SUCCESS | {
    "payment_intent.created",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
}
"""Events that give no new information about a payment that is settled with a known fee."""


class PostSettlement:
    """Checks deposits that have ended for a late fee, a dispute or an unexpected success."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def with_next_read(
        self, attempt: Attempt, intent: wire.PaymentIntent, answer: Answer
    ) -> Answer:
        """The settled answer with the wait before the next read: short until the fee is known."""
        known = intent.latest_charge is not None and intent.latest_charge.balance_transaction
        memory = {**answer.memory, **({FEE_REPORTED: "yes"} if known else {})}
        return replace(answer, memory=memory, check_after=self._next_read(attempt, fee=bool(known)))

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Read what has changed about an attempt that has ended.

        Raises:
            PaymentProcessorError: the query to Stripe failed.
        """
        intent_id = attempt.memory.get("intent")
        if intent_id is None:
            return Answer(Pending())
        types = event_types(notices)
        if attempt.memory.get(REPORTED) != "settled":
            return await self._unexpected(intent_id, types)
        fee_reported = FEE_REPORTED in attempt.memory
        nothing_new = Answer(Pending(), check_after=self._next_read(attempt, fee=fee_reported))
        if fee_reported and types and types <= _UNINFORMATIVE:
            return nothing_new
        intent = await self._context.api.retrieve_intent(intent_id)
        failpoint("card.after_look")
        charge = intent.latest_charge
        if not fee_reported and charge is not None and charge.balance_transaction is not None:
            return self._fee(attempt, intent)
        if self._is_contested(attempt, intent, types):
            return await self._disputes(attempt, intent_id) or nothing_new
        return nothing_new

    def _next_read(self, attempt: Attempt, *, fee: bool) -> timedelta | None:
        return self._context.watch(
            attempt, domain.WATCH_DEPOSIT_S if fee else domain.WATCH_FOR_FEE_S
        )

    async def _unexpected(self, intent_id: str, types: set[str]) -> Answer:
        """Read the intent of a payment reported as failed; it should not have succeeded."""
        if not types & _SUCCESS:
            return Answer(Pending())
        intent = await self._context.api.retrieve_intent(intent_id)
        if intent.status != "succeeded":
            return Answer(Pending())
        step = self._context.step("intent.succeeded_after_all", intent=intent_id)
        return Answer(mapping.paid(intent), {REPORTED: "settled"}, None, [step])

    def _fee(self, attempt: Attempt, intent: wire.PaymentIntent) -> Answer:
        outcome = mapping.paid(intent)
        fee = outcome.provider_fee if isinstance(outcome, Settled) else None
        step = self._context.step("fee.known", intent=intent.id, fee=fee.text if fee else "none")
        answer = Answer(outcome if fee else Pending(), {}, None, [step])
        answer = self.with_next_read(attempt, intent, answer)
        charge = intent.latest_charge
        return replace(answer, check_after=NO_WAIT) if charge and charge.disputed else answer

    @staticmethod
    def _is_contested(attempt: Attempt, intent: wire.PaymentIntent, types: set[str]) -> bool:
        if any(name.startswith(_DISPUTE) for name in attempt.memory):
            return True
        if any(kind.startswith("charge.dispute") for kind in types):
            return True
        return intent.latest_charge is not None and intent.latest_charge.disputed

    async def _disputes(self, attempt: Attempt, intent_id: str) -> Answer | None:
        """The first dispute that has changed, or None; an immediate next check reads the others."""
        for found in await self._context.api.list_disputes(intent_id):
            if found.status not in mapping.DISPUTE_STATUSES:
                self._context.count_unknown("dispute", found.status)
            try:
                dispute = mapping.dispute_of(found)
            except ValueError:
                self._context.count_unknown("dispute currency", found.currency)
                continue
            name, digest = _DISPUTE + dispute.reference, _digest(dispute)
            if attempt.memory.get(name) != digest:
                failpoint("card.after_dispute_read")
                step = self._context.step(
                    "dispute.read", dispute=dispute.reference, status=dispute.status
                )
                return Answer(Disputed(dispute), {name: digest}, None, [step], NO_WAIT)
        return None


def _digest(dispute: Dispute) -> str:
    text = json.dumps(asdict(dispute), default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
