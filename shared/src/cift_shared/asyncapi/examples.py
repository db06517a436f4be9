"""One message of each kind, as published: the examples of the AsyncAPI document."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import (
    CancelPayment,
    LedgerHead,
    MethodResult,
    OriginalPayment,
    PaymentEvent,
    PaymentResult,
    ProviderNotice,
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
from cift_shared.messaging.rail_status import NetworkFee, RailStatus
from cift_shared.money.amount import Money
from cift_shared.rails.rail import Rail
from cift_shared.rails.registry import example_rail, rails

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


def examples_of(topic: str) -> list[dict[str, Any]]:
    """The examples of a topic in the document; empty for a topic without examples here."""
    return [_example(topic, name, message) for name, message in _messages(topic).items()]


def _messages(topic: str) -> Mapping[str, Message]:
    for rail in rails().values():
        if topic == topics.commands(rail.name):
            return _commands(rail)
        if rail.has_notices and topic == topics.webhooks(rail.provider):
            return {"notice": _notice(rail)}
    return {
        topics.RESULTS: _results(example_rail()),
        topics.METHOD_RESULTS: _method_results(),
        topics.EVENTS: {"completed": _event(example_rail())},
        topics.HEADS: {"head": _head()},
        topics.RAIL_STATUSES: {
            "available": _status(None),
            "unavailable": _status("provider_unavailable"),
            "network fees": _status(None, network_fees=[_network_fee()]),
        },
    }.get(topic, {})


def _example(topic: str, name: str, message: Message) -> dict[str, Any]:
    sent = outgoing(topic, message, source="example", at=_LATER)
    return {"name": name, "headers": dict(sent.headers), "payload": json.loads(sent.body)}


def _instrument(rail: Rail) -> Instrument:
    kept = {"customer_sealed": _SEALED} if rail.example.keeps_at_provider else {}
    return Instrument.model_validate({**rail.example.instrument, **kept, "sealed": _SEALED})


def _commands(rail: Rail) -> Mapping[str, Message]:
    example = rail.example
    request: dict[str, Any] = {
        **_OF_MERCHANT,
        "payment_id": _PAYMENT,
        "method": rail.method,
        "amount": example.amount,
        "instrument": _instrument(rail),
    }
    first = OriginalPayment(
        payment_id=_FIRST_PAYMENT, amount=example.amount, provider_reference=example.reference
    )
    found: dict[str, Message] = {
        "deposit": RequestDeposit(**request),
        "refund": RequestRefund(**request, original=first),
        "cancel": CancelPayment(payment_id=_PAYMENT, requested_at=_LATER),
        "verify": VerifyPayment(
            verification_id=_VERIFICATION,
            payment_id=_PAYMENT,
            requested_at=_LATER,
            sealed_reference=_SEALED,
        ),
    }
    if "withdrawal" not in rail.refusals:
        found["withdrawal"] = RequestWithdrawal(**request)
    return {**found, **(_saved_method_commands(rail) if example.keeps_at_provider else {})}


def _saved_method_commands(rail: Rail) -> Mapping[str, Message]:
    request: dict[str, Any] = {
        **_OF_MERCHANT,
        "payment_method_id": _SAVED,
        "method": rail.method,
        "instrument": _instrument(rail),
    }
    return {
        "setup": RequestSetup(**request, return_url="https://shop.example/back"),
        "detach": RequestDetach(**request, detach_id=_DETACH),
    }


def _notice(rail: Rail) -> ProviderNotice:
    call = rail.example.callback
    return ProviderNotice(
        notice_id=_HASH,
        provider=rail.provider,
        attempt_id=None if call is None else _ATTEMPT,
        purpose=call,
        sealed_body=_SEALED,
        source_listed=True,
        received_at=_LATER,
    )


def _results(rail: Rail) -> Mapping[str, Message]:
    name, detail = rail.example.evidence
    result: dict[str, Any] = {
        "result_id": f"{_ATTEMPT}.2",
        "attempt_id": _ATTEMPT,
        "seq": 2,
        "payment_id": _PAYMENT,
        "method": rail.method,
        "occurred_at": _LATER,
    }
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
            amount=rail.example.amount,
            provider_reference=rail.example.reference,
            evidence=[Step(at=_LATER, name=name, detail=dict(detail))],
        ),
        "declined": PaymentResult(kind="declined", **result, failure=failure),
    }


def _method_results() -> Mapping[str, Message]:
    """Results for saved instruments; empty if no installed rail's provider stores instruments."""
    for rail in rails().values():
        if rail.example.keeps_at_provider:
            return {"saved": _method_result(rail)}
    return {}


def _method_result(rail: Rail) -> MethodResult:
    return MethodResult(
        kind="saved",
        result_id=f"{_ATTEMPT}.2",
        attempt_id=_ATTEMPT,
        seq=2,
        payment_method_id=_SAVED,
        method=rail.method,
        occurred_at=_LATER,
        public=rail.example.instrument["public"],
        instrument_sealed=_SEALED,
        customer_reference_sealed=_SEALED,
        fingerprint=_HASH,
    )


def _event(rail: Rail) -> PaymentEvent:
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
            "method": rail.method,
            "status": "completed",
            "amount": rail.example.amount.text,
            "currency": rail.example.amount.currency,
            "version": 3,
        },
    )


def _head() -> LedgerHead:
    return LedgerHead(
        hash=_HASH, transactions=48, last_transaction_id="48", block=2, sealed_at=_LATER
    )


def _status(reason: str | None, **fields: Any) -> RailStatus:
    return RailStatus(
        rail=example_rail().name,
        instance="worker-0",
        available=reason is None,
        reason=reason,
        reported_at=_LATER,
        **fields,
    )


def _network_fee() -> NetworkFee:
    amount = example_rail().example.amount
    return NetworkFee(
        type="withdrawal",
        currency=amount.currency,
        fee=Money(1_50, amount.currency),
        estimated_at=_LATER,
    )
