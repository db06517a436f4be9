"""What becomes of an attempt that the merchant has asked to cancel; pure, no I/O.

Nothing was sent: it is canceled. Otherwise the provider is asked, and answers:

Canceled                       it will move no money: the payment is canceled
Settled | Declined | Expired   too late: the payment ends as the provider says
Pending                        it has the request: queries show what becomes of it
refused                        it can't cancel this payment: it is queried, not asked again
Unknown, or an error           nobody knows: it is queried, and asked again at the next query
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cift_shared.attempts.processor import CANCEL_ASKED, Answer, Notice
from cift_shared.attempts.results import CANCELED_UNSENT, Claim, result_of
from cift_shared.attempts.state_machine import Decision
from cift_shared.errors import PaymentProcessorError, ProviderRejectedRequest
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import (
    Canceled,
    Declined,
    Expired,
    Pending,
    Settled,
    Submitted,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class CancelReply:
    """What came of asking the provider to cancel."""

    answer: Answer | None = None
    """What to decide on; None: the provider is queried for the status as well."""
    steps: Sequence[Step] = ()
    is_heard: bool = False
    """True when the provider must not be asked again."""

    def added_to(self, answer: Answer) -> Answer:
        """The answer, with the steps of the cancellation before its own."""
        return replace(answer, evidence=[*self.steps, *answer.evidence])


NOT_ASKED = CancelReply()

_STEPS = {
    Canceled: "cancel.done",
    Settled: "cancel.too_late",
    Declined: "cancel.too_late",
    Expired: "cancel.too_late",
    Pending: "cancel.sent",
}


def wishes_to_cancel(notices: Sequence[Notice]) -> list[str]:
    """The ids of the stored wishes of the merchant to cancel the payment."""
    return [notice.notice_id for notice in notices if notice.purpose == CANCEL_ASKED]


def canceled_unsent(claim: Claim, *, now: datetime, notice_ids: Sequence[str]) -> Decision:
    """Cancel an attempt that is certainly not sent, as the merchant has asked."""
    step = Step(at=now, name="cancel.done")
    result = result_of(claim, "canceled", [step], now=now, failure=CANCELED_UNSENT)
    return Decision(claim, "done", None, result, maybe_sent=False, notice_ids=notice_ids)


def after_cancel(answer: Answer, *, now: datetime) -> CancelReply:
    """The provider answered the request to cancel."""
    if isinstance(answer.outcome, Unknown):
        return NOT_ASKED
    if isinstance(answer.outcome, Submitted):
        answer = replace(answer, outcome=Pending())
    name = _STEPS.get(type(answer.outcome))
    steps = [Step(at=now, name=name)] if name else []
    return CancelReply(answer, steps, is_heard=True)


def after_cancel_error(error: PaymentProcessorError, *, now: datetime) -> CancelReply:
    """The provider refused to cancel, or did not answer."""
    if not isinstance(error, ProviderRejectedRequest):
        return NOT_ASKED
    step = Step(at=now, name="cancel.refused", detail={"code": error.code})
    return CancelReply(None, [step], is_heard=True)
