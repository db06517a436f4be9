"""Decide on an attempt for which the merchant requested a cancellation; pure, no I/O.

An attempt that was not sent is canceled here. Otherwise the worker sends the provider a request to
cancel, and the provider's answer decides:

Canceled                       it will move no money: the payment is canceled
Settled | Declined | Expired   the payment has ended already: its outcome stays
Pending                        the provider has the request: queries show the outcome
refused                        the provider can't cancel this payment: only query it
Unknown, or an error           not known: query it, and send the request again at the next query
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cift_shared.attempts.processor import CANCEL_REQUESTED, Answer, Notice
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
    """The provider's reply to a request to cancel."""

    answer: Answer | None = None
    """The answer to decide on; None: the provider's status must be queried as well."""
    steps: Sequence[Step] = ()
    is_conclusive: bool = False
    """True when the request to cancel must not be sent again."""

    def added_to(self, answer: Answer) -> Answer:
        """The answer, with the steps of the cancellation before the answer's steps."""
        return replace(answer, evidence=[*self.steps, *answer.evidence])


NO_REPLY = CancelReply()

_STEPS = {
    Canceled: "cancel.done",
    Settled: "cancel.too_late",
    Declined: "cancel.too_late",
    Expired: "cancel.too_late",
    Pending: "cancel.sent",
}


def cancel_request_ids(notices: Sequence[Notice]) -> list[str]:
    """The ids of the stored requests of the merchant to cancel the payment."""
    return [notice.notice_id for notice in notices if notice.purpose == CANCEL_REQUESTED]


def canceled_unsent(claim: Claim, *, now: datetime, notice_ids: Sequence[str]) -> Decision:
    """Cancel an attempt that certainly was not sent."""
    step = Step(at=now, name="cancel.done")
    result = result_of(claim, "canceled", [step], now=now, failure=CANCELED_UNSENT)
    return Decision(claim, "done", None, result, maybe_sent=False, notice_ids=notice_ids)


def after_cancel(answer: Answer, *, now: datetime) -> CancelReply:
    """Decide after the provider answered the request to cancel."""
    if isinstance(answer.outcome, Unknown):
        return NO_REPLY
    if isinstance(answer.outcome, Submitted):
        answer = replace(answer, outcome=Pending())
    name = _STEPS.get(type(answer.outcome))
    steps = [Step(at=now, name=name)] if name else []
    return CancelReply(answer, steps, is_conclusive=True)


def after_cancel_error(error: PaymentProcessorError, *, now: datetime) -> CancelReply:
    """Decide after the provider refused to cancel, or did not answer."""
    if not isinstance(error, ProviderRejectedRequest):
        return NO_REPLY
    step = Step(at=now, name="cancel.refused", detail={"code": error.code})
    return CancelReply(None, [step], is_conclusive=True)
