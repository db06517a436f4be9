"""The table of behaviours that a virtual phone in Tanzania can have.

``docs/provider-sandbox.md`` repeats the table, and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum

from provider_sandbox.faults import Kind
from provider_sandbox.twin import Twin
from provider_sandbox.webhook_sender import CallbackMode


class Pace(StrEnum):
    """When a deposit ends; the settings give the seconds."""

    SUCCESS = "success"
    REFUSAL = "refusal"
    TIMEOUT = "timeout"
    LONG = "long"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a phone reacts to a deposit and to a payout."""

    name: str
    suffix: str | None
    """Last three digits of a phone that select it."""
    summary: str
    code: str = "INS-0"
    """Result of a deposit; INS-0 still needs enough money in the wallet."""
    pace: Pace = Pace.SUCCESS
    then_pays: bool = False
    """Whether a deposit that was reported as timed out is paid later."""
    payout_code: str = "INS-0"
    refused: str | None = None
    """Code with which a deposit is refused in the answer, before the wallet."""
    payout_refused: str | None = None
    callback: CallbackMode = CallbackMode.ONCE
    submit: Kind | None = None
    """The fault that hits the answer to the request."""
    submit_alternates: bool = False
    """Whether ``submit`` hits only every other request, beginning with the first."""
    answers_error: bool = False
    """Whether the request takes effect and is answered with INS-1."""


_ROWS = (
    Behaviour(name="pays", suffix=None, summary="enters the PIN; a payout arrives"),
    Behaviour(
        name="no_money", suffix="001", summary="INS-2006", code="INS-2006", pace=Pace.REFUSAL
    ),
    Behaviour(name="cancels", suffix="005", summary="INS-5", code="INS-5", pace=Pace.REFUSAL),
    Behaviour(name="fails", suffix="006", summary="INS-6", code="INS-6", pace=Pace.REFUSAL),
    Behaviour(
        name="times_out", suffix="009", summary="INS-9, then expired", code="INS-9",
        pace=Pace.TIMEOUT,
    ),
    Behaviour(
        name="not_a_wallet", suffix="051", summary="INS-2051 in the answer, also to a payout",
        refused="INS-2051", payout_refused="INS-2051",
    ),
    Behaviour(
        name="limit_reached", suffix="090", summary="INS-990 in the answer", refused="INS-990"
    ),
    Behaviour(
        name="never_answers", suffix="099", summary="pending for a day, then expired",
        code="INS-9", pace=Pace.NEVER,
    ),
    Behaviour(
        name="payout_fails", suffix="206", summary="payout INS-6", payout_code="INS-6"
    ),
    Behaviour(
        name="payout_invalid", suffix="202", summary="payout INS-2002 in the answer",
        payout_refused="INS-2002",
    ),
    Behaviour(
        name="slow_then_pays", suffix="501", summary="pending for long, then pays",
        pace=Pace.LONG,
    ),
    Behaviour(
        name="late_success", suffix="502", summary="INS-9, still pending in the query, then paid "
        "with a second notice", code="INS-9", pace=Pace.TIMEOUT, then_pays=True,
    ),
    Behaviour(
        name="error_then_pays", suffix="503", summary="INS-1 in the answer; it is then paid",
        answers_error=True,
    ),
    Behaviour(
        name="notice_lost", suffix="301", summary="pays, no notice", callback=CallbackMode.LOST
    ),
    Behaviour(
        name="notice_twice", suffix="302", summary="pays, two notices",
        callback=CallbackMode.TWICE,
    ),
    Behaviour(
        name="notice_late", suffix="303", summary="pays, notice after ten times the delay",
        callback=CallbackMode.LATE,
    ),
    Behaviour(
        name="notice_before_answer", suffix="304", summary="pays at once, notice before the answer",
        callback=CallbackMode.BEFORE_ANSWER,
    ),
    Behaviour(
        name="forged_then_pays", suffix="305",
        summary="a forged success with another conversation id, then pays",
        callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="forged_then_cancels", suffix="306",
        summary="a forged success with another conversation id, then INS-5",
        code="INS-5", payout_code="INS-6", pace=Pace.REFUSAL, callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="notice_out_of_order", suffix="307", summary="pays, notice 20 s later than usual",
        callback=CallbackMode.OUT_OF_ORDER,
    ),
    Behaviour(
        name="answer_lost", suffix="401", summary="connection dropped after the effect; it is "
        "then paid", submit=Kind.DROP_AFTER_EFFECT,
    ),
    Behaviour(
        name="html_500", suffix="402", summary="HTTP 500 with HTML, no effect, every other request",
        submit=Kind.HTML_500, submit_alternates=True,
    ),
    Behaviour(
        name="html_502_after_effect", suffix="403",
        summary="HTTP 502 with HTML after the effect; it is then paid",
        submit=Kind.HTML_502_AFTER_EFFECT,
    ),
    Behaviour(
        name="dropped_before", suffix="404",
        summary="connection dropped, no effect, every other request",
        submit=Kind.DROP_BEFORE, submit_alternates=True,
    ),
    Behaviour(
        name="busy", suffix="416", summary="INS-16, no effect, every other request",
        submit=Kind.SYSTEM_BUSY, submit_alternates=True,
    ),
)  # fmt: skip

BEHAVIOURS = {row.name: row for row in _ROWS}
"""By name."""
BY_SUFFIX = {row.suffix: row for row in _ROWS if row.suffix is not None}
"""By the last three digits of a phone."""

SANDBOX_NUMBERS = {
    "000000000001": "pays",
    "000000000002": "fails",
    "000000000003": "times_out",
    "000000000004": "no_money",
    "000000000005": "cancels",
    "000000000006": "not_a_wallet",
    "000000000007": "limit_reached",
    "000000000008": "busy",
}
"""The numbers of Vodacom's own sandbox; it publishes scenarios for the first four."""


def look_up(twin: Twin, msisdn: str) -> Behaviour:
    """The current behaviour of this number."""
    row = twin.store.one("SELECT behaviour FROM vodacom_phones WHERE msisdn = ?", (msisdn,))
    if row is not None and row["behaviour"] is not None:
        return BEHAVIOURS[row["behaviour"]]
    if msisdn in SANDBOX_NUMBERS:
        return BEHAVIOURS[SANDBOX_NUMBERS[msisdn]]
    if not twin.settings.vodacom_suffixes:
        return BEHAVIOURS["pays"]
    return BY_SUFFIX.get(msisdn[-3:], BEHAVIOURS["pays"])


def ends_s(twin: Twin, pace: Pace) -> float:
    """Seconds from a request to its end."""
    settings = twin.settings
    return {
        Pace.SUCCESS: settings.vodacom_success_s,
        Pace.REFUSAL: settings.vodacom_refusal_s,
        Pace.TIMEOUT: settings.vodacom_timeout_s,
        Pace.LONG: settings.vodacom_long_s,
        Pace.NEVER: settings.vodacom_never_s,
    }[pace]


def submit_fault(twin: Twin, msisdn: str, behaviour: Behaviour) -> Kind | None:
    """The fault that hits this request, or None; where every other one is hit, this is stored."""
    if not behaviour.submit_alternates:
        return behaviour.submit
    row = twin.store.one("SELECT refused_last FROM vodacom_phones WHERE msisdn = ?", (msisdn,))
    refuse = row is None or not row["refused_last"]
    twin.store.execute(
        "INSERT INTO vodacom_phones (msisdn, refused_last) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET refused_last = excluded.refused_last",
        (msisdn, int(refuse)),
    )
    return behaviour.submit if refuse else None
