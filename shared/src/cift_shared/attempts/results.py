"""The hints for the query of a claimed attempt, and the message of its result. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Literal

from cift_shared.attempts.processor import (
    CALLER_REFERENCE,
    CANCEL_REQUESTED,
    Attempt,
    MethodAttempt,
    Notice,
)
from cift_shared.messaging.messages import (
    MethodResult,
    PaymentResult,
    ResultKind,
    Step,
    WireFailure,
)
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Canceled,
    Conflicting,
    Declined,
    Dispute,
    Disputed,
    Expired,
    Failure,
    FailureCategory,
    Outcome,
    Reinstated,
    Reversed,
    Saved,
    Settled,
    Submitted,
    Unknown,
)

State = Literal["ready", "sending", "waiting", "unknown", "done", "review"]


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is claimed under a lease."""

    attempt: Attempt | MethodAttempt
    payment_id: str
    """The id of the attempt's subject: a payment, a saved method, or a detach request."""
    rail: str
    state: State
    """The state before the claim; `sending`: an earlier holder crashed during the call."""
    lease: int
    seq: int
    submits: int
    maybe_sent: bool
    age: timedelta
    touched_at: datetime
    """When this claim wrote the row; a later time in the row means that it was changed since."""
    trace: Mapping[str, str]


def hints_of(
    attempt: Attempt | MethodAttempt, notices: Sequence[Notice]
) -> tuple[Attempt | MethodAttempt, Sequence[Notice]]:
    """The attempt with the references that the API caller sent, and the provider's notices."""
    if isinstance(attempt, MethodAttempt):
        return attempt, notices
    ours = (CALLER_REFERENCE, CANCEL_REQUESTED)
    from_provider = [notice for notice in notices if notice.purpose not in ours]
    references = tuple(
        notice.body.decode("ascii", "replace")
        for notice in notices
        if notice.purpose == CALLER_REFERENCE
    )
    if not references:
        return attempt, from_provider
    return replace(attempt, references=references), from_provider


def details_of(outcome: Outcome) -> dict[str, object]:
    """The fields of a result that this outcome fills."""
    match outcome:
        case Settled():
            return {
                "amount": outcome.amount,
                "provider_fee": outcome.provider_fee,
                "provider_reference": outcome.provider_reference,
                "public": outcome.public,
                "exchanged": outcome.exchanged,
            }
        case Declined() | Expired():
            fee = outcome.provider_fee if isinstance(outcome, Declined) else None
            return {"failure": wire_failure(outcome.failure), "provider_fee": fee}
        case Canceled():
            return {"failure": CANCELED_AT_PROVIDER}
        case ActionRequired():
            return {
                "next_action": dict(outcome.next_action),
                "provider_reference": outcome.provider_reference,
                "public": outcome.public,
            }
        case Submitted():
            action = outcome.next_action
            return {
                "provider_reference": outcome.provider_reference,
                "next_action": dict(action) if action is not None else None,
            }
        case Unknown() | Conflicting():
            return {"reason": outcome.reason}
        case Reversed():
            name = outcome.reversal_reference or outcome.provider_reference
            return _fields(outcome) | {"reversal_reference": name}
        case Disputed():
            return {"dispute": _fields(outcome.dispute)}
        case Reinstated() | Saved():
            return _fields(outcome)
    return {}


def _fields(part: Dispute | Reversed | Reinstated | Saved) -> dict[str, object]:
    return {field.name: getattr(part, field.name) for field in fields(part)}


def wire_failure(failure: Failure) -> WireFailure:
    """The message form of a failure."""
    return WireFailure(
        code=failure.code,
        category=failure.category,
        message=failure.message,
        retryable=failure.retryable,
    )


def result_of(
    claim: Claim, kind: ResultKind, steps: Sequence[Step], *, now: datetime, **details: object
) -> PaymentResult | MethodResult | None:
    """The result message of a claim; None for a saved method's note, which has no reader."""
    common: dict[str, object] = {
        "result_id": f"{claim.attempt.attempt_id}.{claim.seq + 1}",
        "attempt_id": claim.attempt.attempt_id,
        "seq": claim.seq + 1,
        "method": claim.attempt.request.method,
        "rail": claim.rail,
        "occurred_at": now,
        **details,
    }
    if isinstance(claim.attempt, MethodAttempt):
        return _method_result(claim.attempt, kind, common)
    return PaymentResult.model_validate(
        {"kind": kind, "payment_id": claim.payment_id, "evidence": list(steps), **common}
    )


def _method_result(
    attempt: MethodAttempt, kind: ResultKind, common: Mapping[str, object]
) -> MethodResult | None:
    """The result for a saved method, which is not in the ledger.

    A note is not published, and a conflicting outcome is a failure.
    """
    kinds = {"settled": "saved" if attempt.operation == "setup" else "detached"}
    kinds |= {"action_required": "action_required", "submitted": "pending", "unknown": "pending"}
    kinds |= dict.fromkeys(("declined", "expired", "conflicting"), "failed")
    if kind not in kinds:
        return None
    failure = {"failure": _UNCLEAR} if kind == "conflicting" else {}
    return MethodResult.model_validate(
        {
            "kind": kinds[kind],
            "payment_method_id": attempt.request.payment_method_id,
            **common,
            **failure,
        }
    )


CANCELED_UNSENT = WireFailure(
    code="canceled",
    category=FailureCategory.CANCELED,
    message="The payment was canceled before it was sent.",
    retryable=True,
)
CANCELED_AT_PROVIDER = WireFailure(
    code="canceled_at_provider",
    category=FailureCategory.CANCELED,
    message="The payment was canceled.",
    retryable=True,
)
"""The ledger cancels a payment after its submission only by a result with this code."""

_UNCLEAR = WireFailure(
    code="provider_answer_unclear",
    category=FailureCategory.PROVIDER_UNAVAILABLE,
    message="The payment provider gave no clear answer. Please try again.",
    retryable=True,
)
