"""One message of each kind, as published: the examples of the AsyncAPI document."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.messages import (
    CancelPayment,
    CardDetails,
    Instrument,
    LedgerHead,
    Message,
    MethodResult,
    OriginalPayment,
    PaymentEvent,
    PaymentResult,
    ProviderNotice,
    RailStatus,
    RequestDeposit,
    RequestDetach,
    RequestRefund,
    RequestSetup,
    RequestWithdrawal,
    Step,
    VerifyPayment,
    WireFailure,
)
from cift_shared.messaging.outcomes import FailureCategory
from cift_shared.money.amount import Money

_AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
_LATER = _AT + timedelta(seconds=20)
_PAYMENT = UUID("019c11c0-8a80-7b42-8f10-5a6b7c8d9e0f")
_FIRST_PAYMENT = UUID("019c0c9a-2e80-7d10-9c31-0b1c2d3e4f50")
_SAVED = UUID("019c11c0-9a10-7c55-a0e2-1f2e3d4c5b6a")
_DETACH = UUID("019c11c1-0c40-7e21-b3f4-6a5b4c3d2e1f")
_VERIFICATION = UUID("019c11c0-d8a0-7d3c-9e51-4b5c6d7e8f90")
_ATTEMPT = UUID("019c11c0-8b12-7f03-9d44-2c3d4e5f6a7b")
_SEALED, _HASH = "k1.c2VhbGVk", "5f" * 32
_OF_MERCHANT: Mapping[str, Any] = {
    "merchant_id": "m_1",
    "livemode": False,
    "customer_id": "c_42",
    "accepted_at": _AT,
}
_CARD = CardDetails(brand="visa", last4="4242", exp_month=12, exp_year=2030)
_INSTRUMENTS: Mapping[str, Instrument] = {
    "card": Instrument(
        kind="card", display="visa 4242", sealed=_SEALED, customer_sealed=_SEALED, card=_CARD
    ),
    "mpesa": Instrument(kind="phone", display="2547****678", sealed=_SEALED, country="KE"),
}
_AMOUNTS: Mapping[str, Money] = {"card": Money(30_00, "USD"), "mpesa": Money(1000_00, "KES")}
_REFERENCES: Mapping[str, str] = {"card": "pi_3Qb1", "mpesa": "TIB4K2P9QX"}


def examples_of(topic: str) -> list[dict[str, Any]]:
    """The examples of a topic in the document; empty for a topic without examples here."""
    return [_example(topic, name, message) for name, message in _messages(topic).items()]


def _messages(topic: str) -> Mapping[str, Message]:
    for method in _INSTRUMENTS:
        if topic == topics.commands(method):
            return _commands(method)
    return {
        topics.webhooks("mpesa"): {"callback": _notice("mpesa", attempt_id=_ATTEMPT)},
        topics.webhooks("stripe"): {"event": _notice("stripe")},
        topics.RESULTS: _results(),
        topics.METHOD_RESULTS: {"saved": _saved()},
        topics.EVENTS: {"completed": _event()},
        topics.HEADS: {"head": _head()},
        topics.RAIL_STATUSES: {"available": _status(None), "away": _status("provider_unavailable")},
    }.get(topic, {})


def _example(topic: str, name: str, message: Message) -> dict[str, Any]:
    sent = outgoing(topic, message, source="example", at=_LATER)
    return {"name": name, "headers": dict(sent.headers), "payload": json.loads(sent.body)}


def _commands(method: str) -> Mapping[str, Message]:
    request: dict[str, Any] = {
        **_OF_MERCHANT,
        "payment_id": _PAYMENT,
        "method": method,
        "amount": _AMOUNTS[method],
        "instrument": _INSTRUMENTS[method],
    }
    first = OriginalPayment(
        payment_id=_FIRST_PAYMENT,
        amount=_AMOUNTS[method],
        provider_reference=_REFERENCES[method],
    )
    return {
        "deposit": RequestDeposit(**request),
        "refund": RequestRefund(**request, original=first),
        "cancel": CancelPayment(payment_id=_PAYMENT, requested_at=_LATER),
        "verify": VerifyPayment(
            verification_id=_VERIFICATION,
            payment_id=_PAYMENT,
            requested_at=_LATER,
            sealed_reference=_SEALED,
        ),
        **(_of_cards() if method == "card" else {"withdrawal": RequestWithdrawal(**request)}),
    }


def _of_cards() -> Mapping[str, Message]:
    request: dict[str, Any] = {
        **_OF_MERCHANT,
        "payment_method_id": _SAVED,
        "method": "card",
        "instrument": _INSTRUMENTS["card"],
    }
    return {
        "setup": RequestSetup(**request, return_url="https://shop.example/back"),
        "detach": RequestDetach(**request, detach_id=_DETACH),
    }


def _notice(provider: str, *, attempt_id: UUID | None = None) -> ProviderNotice:
    return ProviderNotice(
        notice_id=_HASH,
        provider=provider,
        attempt_id=attempt_id,
        purpose=1 if attempt_id else None,
        sealed_body=_SEALED,
        source_listed=True,
        received_at=_LATER,
    )


def _results() -> Mapping[str, Message]:
    result: dict[str, Any] = {
        "result_id": f"{_ATTEMPT}.2",
        "attempt_id": _ATTEMPT,
        "seq": 2,
        "payment_id": _PAYMENT,
        "method": "mpesa",
        "occurred_at": _LATER,
    }
    asked = Step(at=_LATER, name="mpesa.stk_query.answered", detail={"result_code": "0"})
    failure = WireFailure(
        code="payer_canceled",
        category=FailureCategory.DECLINED,
        message="The payer canceled.",
        retryable=True,
    )
    return {
        "settled": PaymentResult(
            kind="settled",
            **result,
            amount=_AMOUNTS["mpesa"],
            provider_reference=_REFERENCES["mpesa"],
            evidence=[asked],
        ),
        "declined": PaymentResult(kind="declined", **result, failure=failure),
    }


def _saved() -> MethodResult:
    return MethodResult(
        kind="saved",
        result_id=f"{_ATTEMPT}.2",
        attempt_id=_ATTEMPT,
        seq=2,
        payment_method_id=_SAVED,
        method="card",
        occurred_at=_LATER,
        card=_CARD,
        instrument_sealed=_SEALED,
        customer_reference_sealed=_SEALED,
        fingerprint=_HASH,
    )


def _event() -> PaymentEvent:
    return PaymentEvent(
        event_id=f"{_PAYMENT}.3",
        type="payment.completed",
        payment_id=_PAYMENT,
        merchant_id="m_1",
        version=3,
        occurred_at=_LATER,
        payment={
            "id": str(_PAYMENT),
            "type": "deposit",
            "method": "mpesa",
            "status": "completed",
            "amount": "1000.00",
            "currency": "KES",
            "version": 3,
        },
    )


def _head() -> LedgerHead:
    return LedgerHead(
        hash=_HASH, transactions=48, last_transaction_id="48", block=2, sealed_at=_LATER
    )


def _status(reason: str | None) -> RailStatus:
    return RailStatus(
        rail="mpesa",
        instance="mpesa-worker-0",
        available=reason is None,
        reason=reason,
        reported_at=_LATER,
    )
