"""Refunds, whole or in part, and refunds that fail after they succeeded.

submit    create a refund of the intent, with our attempt id in its metadata:
          succeeded | pending | declined
check     read the refund; without an id, search the intent's refunds before creating it again
later     a refund that succeeded may fail days later: the money is back in our balance
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from card_worker import declines, domain, mapping, wire
from card_worker.amounts import to_stripe
from card_worker.context import REPORTED, Context
from card_worker.stripe_call import CardRefused, RequestRefused, ServerFailed
from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestRefund
from cift_shared.messaging.outcomes import (
    Declined,
    Failure,
    Pending,
    Reversed,
    Settled,
    Submitted,
    Unknown,
)

_INTENT_PREFIX = "pi_"


class Refunds:
    """Refunds deposits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the refund.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        intent_id = _intent_of(attempt)
        if intent_id is None:
            return self._refused(declines.REFUND_PAYMENT_UNKNOWN)
        return await self._create(attempt, intent_id)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Read the refund's state, or create it if it is missing; raises as `submit`."""
        del notices  # they only cause this check
        refund_id, intent_id = attempt.memory.get("refund"), _intent_of(attempt)
        if attempt.ended:
            return await self._check_for_failure(attempt, refund_id)
        if refund_id is not None:
            return self._decide(attempt, await self._context.api.retrieve_refund(refund_id))
        if intent_id is None:
            return self._refused(declines.REFUND_PAYMENT_UNKNOWN)
        found = await self._context.api.find_refund(str(attempt.attempt_id), intent_id)
        if found is not None:
            return self._decide(attempt, found)
        return await self._create(attempt, intent_id)

    async def _create(self, attempt: Attempt, intent_id: str) -> Answer:
        context, number = self._context, int(attempt.memory.get("creates", "0"))
        try:
            amount = to_stripe(attempt.request.amount)
        except ValueError:
            return self._refused(declines.AMOUNT_REFUSED)
        params: dict[str, Any] = {
            "payment_intent": intent_id,
            "amount": amount,
            "metadata": {
                domain.ATTEMPT_NAME: str(attempt.attempt_id),
                "cift_payment": str(attempt.request.payment_id),
            },
        }
        key = domain.idempotency_key(attempt.attempt_id, "refund", number)
        failpoint("card.before_refund")
        try:
            refund = await context.api.create_refund(params, key)
        except RequestRefused as error:
            return self._refused(_refusal(error.error))
        except CardRefused as error:
            return self._refused(mapping.failure_of(error.error))
        except ServerFailed:
            # Stripe repeats this error for this key. The next check searches the refund first, then
            # creates it with a new key.
            step = context.step("refund.failed", number=number)
            memory = {"creates": str(number + 1)}
            return Answer(Unknown("Stripe failed"), memory, None, [step], context.retry_delay())
        failpoint("card.after_refund")
        return self._decide(attempt, refund)

    def _decide(self, attempt: Attempt, refund: wire.Refund) -> Answer:
        context = self._context
        if refund.status not in mapping.REFUND_STATUSES:
            context.count_unknown("refund", refund.status)
        outcome = mapping.refunded(refund)
        step = context.step("refund.read", refund=refund.id, status=refund.status)
        known = attempt.memory.get("refund") == refund.id
        answer = Answer(
            outcome,
            memory={"refund": refund.id},
            fingerprint=context.fingerprint(refund.id),
            evidence=[] if known and isinstance(outcome, Pending) else [step],
        )
        if isinstance(outcome, Pending) and not known:
            return replace(answer, outcome=Submitted(refund.id))
        if isinstance(outcome, Settled):
            watch = context.watch(attempt, domain.WATCH_REFUND_S)
            return replace(answer, memory={**answer.memory, REPORTED: "settled"}, check_after=watch)
        return answer

    async def _check_for_failure(self, attempt: Attempt, refund_id: str | None) -> Answer:
        """Check whether a refund that succeeded has failed since."""
        context = self._context
        if refund_id is None or attempt.memory.get(REPORTED) != "settled":
            return Answer(Pending())
        refund = await context.api.retrieve_refund(refund_id)
        failpoint("card.after_refund_look")
        if refund.status not in ("failed", "canceled"):
            return Answer(Pending(), check_after=context.watch(attempt, domain.WATCH_REFUND_S))
        reason = refund.failure_reason or refund.status
        step = context.step("refund.went_back", refund=refund_id, reason=reason)
        settled = mapping.refunded(refund.model_copy(update={"status": "succeeded"}))
        if not isinstance(settled, Settled):
            return Answer(Pending(), evidence=[step])
        outcome = Reversed(settled.amount, f"{refund_id}:failed", reason)
        return Answer(outcome, {REPORTED: "reversed"}, None, [step])

    def _refused(self, failure: Failure) -> Answer:
        step = self._context.step("refund.refused", reason=failure.code)
        return Answer(Declined(failure), evidence=[step])


def _intent_of(attempt: Attempt) -> str | None:
    """The intent of the deposit to refund; None when its reference is not a payment intent."""
    request = attempt.request
    reference = request.original.provider_reference if isinstance(request, RequestRefund) else None
    return reference if reference and reference.startswith(_INTENT_PREFIX) else None


def _refusal(error: wire.ApiError) -> Failure:
    """The failure for a refused refund.

    When the amount exceeds what is left, Stripe's error has no code and names the parameter
    `amount`.
    """
    if error.code is None and error.param == "amount":
        return declines.REFUND_EXCEEDS
    return mapping.refusal_of(error)
