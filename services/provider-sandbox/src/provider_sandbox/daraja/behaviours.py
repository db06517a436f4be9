"""The table of behaviours that a virtual phone can have.

``docs/provider-sandbox.md`` repeats the table, and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum

from provider_sandbox.faults import Kind
from provider_sandbox.webhook_sender import CallbackMode


class Pace(StrEnum):
    """When a deposit ends; the settings give the seconds."""

    SUCCESS = "success"
    """The payer enters the PIN."""
    CANCEL = "cancel"
    """The payer cancels."""
    UNREACHABLE = "unreachable"
    """The phone can't be reached; the query reports it before the callback does."""
    REFUSAL = "refusal"
    """M-Pesa itself refuses."""
    LONG = "long"
    """The deposit stays open for long."""
    NEVER = "never"
    """The deposit stays open for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a phone reacts to a deposit and to a payout."""

    name: str
    suffix: str | None
    """Last three digits of a phone that select it."""
    summary: str
    stk_code: str = "0"
    """Result code of a deposit; "0" still needs enough money in the wallet."""
    pace: Pace = Pace.SUCCESS
    then_pays: bool = False
    """Whether the deposit is paid after it was reported as failed."""
    payout_code: str = "0"
    """Result code of a payout."""
    payout_queue_times_out: bool = False
    """Whether QueueTimeOutURL is called, and ResultURL never."""
    payout_slow: bool = False
    callback: CallbackMode = CallbackMode.ONCE
    submit: Kind | None = None
    """The fault that hits the submission's answer."""
    submit_alternates: bool = False
    """Whether ``submit`` hits only every other submission, beginning with the first."""


_RESULTS = (
    Behaviour(name="pays", suffix=None, summary="enters the PIN; a payout arrives"),
    Behaviour(name="no_money", suffix="001", summary="code 1", stk_code="1"),
    Behaviour(
        name="expires",
        suffix="019",
        summary="code 1019",
        stk_code="1019",
        pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="push_fails",
        suffix="025",
        summary="code 1025",
        stk_code="1025",
        pace=Pace.REFUSAL,
    ),
    Behaviour(
        name="system_busy", suffix="026", summary="code 26", stk_code="26", pace=Pace.REFUSAL
    ),
    Behaviour(
        name="cancels",
        suffix="032",
        summary="code 1032",
        stk_code="1032",
        pace=Pace.CANCEL,
    ),
    Behaviour(
        name="times_out",
        suffix="037",
        summary="code 1037, in the query before the callback",
        stk_code="1037",
        pace=Pace.UNREACHABLE,
    ),
    Behaviour(
        name="never_answers",
        suffix="099",
        summary="stays in flight for a day, then 1037",
        stk_code="1037",
        pace=Pace.NEVER,
    ),
    Behaviour(
        name="locked",
        suffix="101",
        summary="code 1001",
        stk_code="1001",
        pace=Pace.REFUSAL,
    ),
    Behaviour(name="wrong_pin", suffix="201", summary="code 2001", stk_code="2001"),
    Behaviour(name="pin_locked", suffix="806", summary="code 8006", stk_code="8006"),
    Behaviour(
        name="slow_then_pays",
        suffix="501",
        summary="in flight for long, then pays",
        pace=Pace.LONG,
        payout_slow=True,
    ),
    Behaviour(
        name="late_success",
        suffix="502",
        summary="reported as 1037 by query and callback, then paid after all, with a second "
        "callback",
        stk_code="1037",
        pace=Pace.UNREACHABLE,
        then_pays=True,
    ),
)

_TRANSPORT = (
    Behaviour(
        name="callback_lost", suffix="301", summary="pays, no callback", callback=CallbackMode.LOST
    ),
    Behaviour(
        name="callback_twice",
        suffix="302",
        summary="pays, two callbacks",
        callback=CallbackMode.TWICE,
    ),
    Behaviour(
        name="callback_late",
        suffix="303",
        summary="pays, callback after ten times the delay",
        callback=CallbackMode.LATE,
    ),
    Behaviour(
        name="callback_before_answer",
        suffix="304",
        summary="pays at once, callback before the submission is answered",
        callback=CallbackMode.BEFORE_ANSWER,
    ),
    Behaviour(
        name="forged_then_pays",
        suffix="305",
        summary="a forged success with a wrong amount, then pays",
        callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="forged_then_cancels",
        suffix="306",
        summary="a forged success with a wrong amount, then 1032",
        stk_code="1032",
        payout_code="2040",
        pace=Pace.CANCEL,
        callback=CallbackMode.FORGED,
    ),
    Behaviour(
        name="callback_out_of_order",
        suffix="307",
        summary="pays, callback 20 s later than usual",
        callback=CallbackMode.OUT_OF_ORDER,
    ),
    Behaviour(
        name="answer_lost",
        suffix="401",
        summary="connection dropped after the payment was registered; it is then paid",
        submit=Kind.DROP_AFTER_EFFECT,
    ),
    Behaviour(
        name="html_500",
        suffix="402",
        summary="HTTP 500 with HTML, nothing registered",
        submit=Kind.HTML_500,
    ),
    Behaviour(
        name="html_502_after_effect",
        suffix="403",
        summary="HTTP 502 with HTML after the payment was registered; it is then paid",
        submit=Kind.HTML_502_AFTER_EFFECT,
    ),
    Behaviour(
        name="dropped_before",
        suffix="404",
        summary="connection dropped, nothing registered",
        submit=Kind.DROP_BEFORE,
    ),
    Behaviour(
        name="spike_arrest",
        suffix="428",
        summary="every other submission 500.003.02, the next is taken and paid",
        submit=Kind.SPIKE_ARREST,
        submit_alternates=True,
    ),
    Behaviour(
        name="http_429",
        suffix="429",
        summary="every other submission HTTP 429, the next is taken and paid",
        submit=Kind.HTTP_429,
        submit_alternates=True,
    ),
)

_PAYOUTS = (
    Behaviour(
        name="payout_number_unknown",
        suffix="203",
        summary="payout SFC_IC0003",
        payout_code="SFC_IC0003",
    ),
    Behaviour(name="payout_daily_limit", suffix="204", summary="payout code 4", payout_code="4"),
    Behaviour(name="payout_balance_limit", suffix="208", summary="payout code 8", payout_code="8"),
    Behaviour(
        name="payout_unregistered",
        suffix="240",
        summary="payout code 2040",
        payout_code="2040",
    ),
    Behaviour(
        name="queue_timeout_pays",
        suffix="604",
        summary="payout: QueueTimeOutURL is called, no result; paid later",
        payout_queue_times_out=True,
    ),
    Behaviour(
        name="queue_timeout_fails",
        suffix="605",
        summary="payout: QueueTimeOutURL is called, no result; fails later with 17",
        payout_queue_times_out=True,
        payout_code="17",
    ),
)

BEHAVIOURS = {row.name: row for row in (*_RESULTS, *_TRANSPORT, *_PAYOUTS)}
"""By name."""

BY_SUFFIX = {row.suffix: row for row in BEHAVIOURS.values() if row.suffix is not None}
"""By the last three digits of a phone."""
