"""The table of behaviours that a virtual phone of MTN MoMo can have.

The endings 450 to 464 are those of the numbers that MTN publishes for its sandbox (46733123450
...); here they mean the same in every country. ``docs/provider-sandbox.md`` repeats the table, and
a test compares the two. Source: momodeveloper.mtn.com, "Testing".
"""

from dataclasses import dataclass
from enum import StrEnum

from provider_sandbox.faults import Kind
from provider_sandbox.webhook_sender import CallbackMode


class Pace(StrEnum):
    """When a request ends; the settings give the seconds."""

    USUAL = "usual"
    """The payer decides, or the payout is carried out."""
    REFUSAL = "refusal"
    """MTN itself refuses."""
    WINDOW = "window"
    """Nobody approves in time."""
    SLOW = "slow"
    """It stays open for long."""
    NEVER = "never"
    """It stays open for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a phone reacts to a request to pay and to a payout."""

    name: str
    suffix: str | None
    """Last three digits of a phone that select it."""
    summary: str
    collect: str | None = None
    """The reason with which a request to pay fails; None: it is paid if the wallet has the money.
    """
    transfer: str | None = None
    """The reason with which a payout fails."""
    pace: Pace = Pace.USUAL
    transfer_pace: Pace = Pace.USUAL
    open_status: str = "PENDING"
    """The status while it is open."""
    holder: bool = True
    """Whether the check of the account holder finds a wallet."""
    hidden_factor: int = 1
    """How many times longer than others its request answers 404."""
    callback: CallbackMode = CallbackMode.ONCE
    submit: Kind | None = None
    """The fault that hits the submission's answer."""
    submit_alternates: bool = False
    """Whether ``submit`` hits only every other submission, beginning with the first."""


_PUBLISHED = (
    Behaviour(
        name="pays", suffix=None, summary="approves and pays; a payout arrives"
    ),
    Behaviour(
        name="fails", suffix="450", summary="INTERNAL_PROCESSING_ERROR",
        collect="INTERNAL_PROCESSING_ERROR", transfer="INTERNAL_PROCESSING_ERROR",
    ),
    Behaviour(
        name="rejects", suffix="451", summary="APPROVAL_REJECTED",
        collect="APPROVAL_REJECTED", transfer="APPROVAL_REJECTED",
    ),
    Behaviour(
        name="expires", suffix="452", summary="EXPIRED",
        collect="EXPIRED", transfer="EXPIRED", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="ongoing", suffix="453", summary="PENDING until the window ends, then EXPIRED",
        collect="EXPIRED", transfer="EXPIRED", pace=Pace.WINDOW, transfer_pace=Pace.WINDOW,
    ),
    Behaviour(
        name="delayed", suffix="454", summary="CREATED for a day, then EXPIRED",
        collect="EXPIRED", transfer="EXPIRED", pace=Pace.NEVER, transfer_pace=Pace.NEVER,
        open_status="CREATED",
    ),
    Behaviour(
        name="payer_not_found", suffix="455",
        summary="collection PAYER_NOT_FOUND, payout NOT_ENOUGH_FUNDS",
        collect="PAYER_NOT_FOUND", transfer="NOT_ENOUGH_FUNDS", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="payee_not_allowed", suffix="456",
        summary="collection PAYEE_NOT_ALLOWED_TO_RECEIVE, payout PAYER_LIMIT_REACHED",
        collect="PAYEE_NOT_ALLOWED_TO_RECEIVE", transfer="PAYER_LIMIT_REACHED", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="no_wallet", suffix="457",
        summary="collection NOT_ALLOWED, payout PAYEE_NOT_FOUND; no active account holder",
        collect="NOT_ALLOWED", transfer="PAYEE_NOT_FOUND", pace=Pace.REFUSAL, holder=False,
    ),
    Behaviour(
        name="wrong_target", suffix="458",
        summary="collection NOT_ALLOWED_TARGET_ENVIRONMENT, payout NOT_ALLOWED",
        collect="NOT_ALLOWED_TARGET_ENVIRONMENT", transfer="NOT_ALLOWED", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="wrong_host", suffix="459",
        summary="collection INVALID_CALLBACK_URL_HOST, payout NOT_ALLOWED_TARGET_ENVIRONMENT",
        collect="INVALID_CALLBACK_URL_HOST", transfer="NOT_ALLOWED_TARGET_ENVIRONMENT",
        pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="wrong_currency", suffix="460",
        summary="collection INVALID_CURRENCY, payout INVALID_CALLBACK_URL_HOST",
        collect="INVALID_CURRENCY", transfer="INVALID_CALLBACK_URL_HOST", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="internal_error", suffix="461",
        summary="collection INTERNAL_PROCESSING_ERROR, payout INVALID_CURRENCY",
        collect="INTERNAL_PROCESSING_ERROR", transfer="INVALID_CURRENCY", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="unavailable", suffix="462",
        summary="collection SERVICE_UNAVAILABLE, payout INTERNAL_PROCESSING_ERROR",
        collect="SERVICE_UNAVAILABLE", transfer="INTERNAL_PROCESSING_ERROR", pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="could_not_perform", suffix="463",
        summary="collection COULD_NOT_PERFORM_TRANSACTION after the window, payout "
        "SERVICE_UNAVAILABLE",
        collect="COULD_NOT_PERFORM_TRANSACTION", transfer="SERVICE_UNAVAILABLE", pace=Pace.WINDOW,
    ),
    Behaviour(
        name="type_unknown", suffix="464", summary="TRANSFER_TYPE_UNKNOWN",
        collect="TRANSFER_TYPE_UNKNOWN", transfer="TRANSFER_TYPE_UNKNOWN", pace=Pace.REFUSAL,
    ),
)  # fmt: skip

_OWN = (
    Behaviour(
        name="no_money", suffix="001", summary="collection NOT_ENOUGH_FUNDS",
        collect="NOT_ENOUGH_FUNDS",
    ),
    Behaviour(
        name="never_answers", suffix="099", summary="open for a day, then EXPIRED",
        collect="EXPIRED", transfer="EXPIRED", pace=Pace.NEVER, transfer_pace=Pace.NEVER,
    ),
    Behaviour(
        name="payout_fails", suffix="204", summary="pays; a payout ends with "
        "INTERNAL_PROCESSING_ERROR", transfer="INTERNAL_PROCESSING_ERROR",
    ),
    Behaviour(
        name="payout_limit", suffix="205", summary="pays; a payout ends with "
        "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
        transfer="LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED",
    ),
    Behaviour(
        name="new_reason", suffix="206", summary="FAILED with a reason that no document lists",
        collect="A_REASON_OF_TOMORROW", transfer="A_REASON_OF_TOMORROW",
    ),
    Behaviour(
        name="slow_then_pays", suffix="501", summary="open for long, then pays",
        pace=Pace.SLOW, transfer_pace=Pace.SLOW,
    ),
    Behaviour(
        name="hidden_long", suffix="502", summary="pays, but answers 404 for long",
        hidden_factor=100,
    ),
    Behaviour(
        name="callback_lost", suffix="301", summary="pays, no callback", callback=CallbackMode.LOST
    ),
    Behaviour(
        name="callback_twice", suffix="302", summary="pays, two callbacks",
        callback=CallbackMode.TWICE,
    ),
    Behaviour(
        name="callback_late", suffix="303", summary="pays, callback after ten times the delay",
        callback=CallbackMode.LATE,
    ),
    Behaviour(
        name="callback_before_answer", suffix="304",
        summary="pays at once, callback before the submission is answered",
        callback=CallbackMode.BEFORE_ANSWER,
    ),
    Behaviour(
        name="forged_then_pays", suffix="305",
        summary="a forged success with a wrong amount, then pays", callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="forged_then_rejects", suffix="306",
        summary="a forged success with a wrong amount, then APPROVAL_REJECTED",
        collect="APPROVAL_REJECTED", transfer="INTERNAL_PROCESSING_ERROR",
        callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="callback_out_of_order", suffix="307", summary="pays, callback 20 s later than usual",
        callback=CallbackMode.OUT_OF_ORDER,
    ),
    Behaviour(
        name="answer_lost", suffix="401",
        summary="connection dropped after the request was registered; it is then paid",
        submit=Kind.DROP_AFTER_EFFECT, submit_alternates=True,
    ),
    Behaviour(
        name="html_500", suffix="402", summary="every other submission HTTP 500 with HTML, nothing "
        "registered", submit=Kind.HTML_500, submit_alternates=True,
    ),
    Behaviour(
        name="html_502_after_effect", suffix="403",
        summary="HTTP 502 with HTML after the request was registered; it is then paid",
        submit=Kind.HTML_502_AFTER_EFFECT, submit_alternates=True,
    ),
    Behaviour(
        name="dropped_before", suffix="404",
        summary="every other submission dropped, nothing registered",
        submit=Kind.DROP_BEFORE, submit_alternates=True,
    ),
    Behaviour(
        name="http_429", suffix="429",
        summary="every other submission HTTP 429, the next is taken and paid",
        submit=Kind.HTTP_429, submit_alternates=True,
    ),
)  # fmt: skip

BEHAVIOURS = {row.name: row for row in (*_PUBLISHED, *_OWN)}
BY_SUFFIX = {row.suffix: row for row in BEHAVIOURS.values() if row.suffix is not None}
