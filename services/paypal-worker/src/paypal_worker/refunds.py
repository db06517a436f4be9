"""Refunds of captures, whole or in part, and refunds that fail after they were completed.

submit    create a refund of the capture, with its amount and our attempt id:
          completed | pending | declined
check     read the refund; without an id, look among the refunds of the order before creating it
          again: PayPal keeps our key for 45 days only
later     a completed refund may fail: the money is back in our balance
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import ProviderThrottled
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestRefund
from cift_shared.messaging.outcomes import (
    Declined,
    Failure,
    Pending,
    Reversed,
    Settled,
    Submitted,
)
from paypal_method.currencies import to_text
from paypal_worker import domain, issues, mapping, wire
from paypal_worker.context import REPORTED, Context, log
from paypal_worker.transport import RequestRefused

NO_BALANCE_RETRY_S = 900
"""Wait before a refund is sent again that our balance did not cover."""
_NOT_FOUND = 404


class Refunds:
    """Refunds deposits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the refund.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        capture_id = _capture_of(attempt)
        if capture_id is None:
            return self._refused(issues.REFUND_PAYMENT_UNKNOWN)
        return await self._create(attempt, capture_id)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Read the refund's state, or create it if it is missing; raises as `submit`."""
        del notices  # they only cause this check
        refund_id, capture_id = attempt.memory.get("refund"), _capture_of(attempt)
        if attempt.ended:
            return await self._check_for_failure(attempt, refund_id)
        if refund_id is not None:
            return self._decide(attempt, await self._context.api.read_refund(refund_id))
        if capture_id is None:
            return self._refused(issues.REFUND_PAYMENT_UNKNOWN)
        found = await self._find(attempt, capture_id)
        if found is not None:
            return self._decide(attempt, found)
        return await self._create(attempt, capture_id)

    async def _find(self, attempt: Attempt, capture_id: str) -> wire.Refund | None:
        """The refund that an earlier request of this attempt may have created."""
        api = self._context.api
        try:
            order_id = (await api.read_capture(capture_id)).order_id
            made = (await api.read_order(order_id)).refunds if order_id else []
        except RequestRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        ours = (refund for refund in made if refund.custom_id == str(attempt.attempt_id))
        return next(ours, None)

    async def _create(self, attempt: Attempt, capture_id: str) -> Answer:
        context, amount = self._context, attempt.request.amount
        try:
            value = to_text(amount)
        except ValueError:
            return self._refused(issues.AMOUNT_REFUSED)
        # Always an explicit amount: without one PayPal refunds all that is left.
        body: dict[str, Any] = {
            "amount": {"currency_code": amount.currency, "value": value},
            "custom_id": str(attempt.attempt_id),
        }
        failpoint("paypal.before_refund")
        try:
            refund = await context.api.refund_capture(capture_id, body, str(attempt.attempt_id))
        except RequestRefused as error:
            return self._not_created(error)
        failpoint("paypal.after_refund")
        return self._decide(attempt, refund)

    def _not_created(self, error: RequestRefused) -> Answer:
        context, issue = self._context, error.issue
        if issue == issues.NO_BALANCE:
            log.error("paypal.balance.too_low", operation="refund")
            raise ProviderThrottled(
                "provider_balance_low",
                "our balance at PayPal does not cover the refund",
                retry_after_s=NO_BALANCE_RETRY_S,
            )
        failure = issues.REFUNDS.get(issue)
        if failure is None:
            context.count_unknown("issue", issue)
            return Answer(Pending())
        return self._refused(failure, issue)

    def _decide(self, attempt: Attempt, refund: wire.Refund) -> Answer:
        context = self._context
        if refund.status not in mapping.REFUND_STATUSES:
            context.count_unknown("refund", refund.status)
        outcome = mapping.refunded(refund)
        details = refund.status_details
        reason = details.reason if details else None
        step = context.step("refund.read", refund=refund.id, status=refund.status, reason=reason)
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
        """Check whether a refund that was completed has failed since."""
        context = self._context
        if refund_id is None or attempt.memory.get(REPORTED) != "settled":
            return Answer(Pending())
        refund = await context.api.read_refund(refund_id)
        failpoint("paypal.after_refund_look")
        if refund.status not in mapping.REFUND_ENDED:
            return Answer(Pending(), check_after=context.watch(attempt, domain.WATCH_REFUND_S))
        reason = refund.status or "FAILED"
        step = context.step("refund.went_back", refund=refund_id, reason=reason)
        settled = mapping.refunded(refund.model_copy(update={"status": "COMPLETED"}))
        if not isinstance(settled, Settled):
            return Answer(Pending(), evidence=[step])
        outcome = Reversed(settled.amount, f"{refund_id}:failed", reason)
        return Answer(outcome, {REPORTED: "reversed"}, None, [step])

    def _refused(self, failure: Failure, issue: str | None = None) -> Answer:
        step = self._context.step("refund.refused", reason=failure.code, issue=issue)
        return Answer(Declined(failure), evidence=[step])


def _capture_of(attempt: Attempt) -> str | None:
    """The capture of the deposit to refund; None when the deposit has no reference."""
    request = attempt.request
    reference = request.original.provider_reference if isinstance(request, RequestRefund) else None
    return reference or None
