"""Wire names can't be changed later: golden files hold every message as it travels."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from cift_shared.asyncapi.document import document
from cift_shared.messaging.charged import ProviderCharge, charged_id
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.instruments import CardDetails, Instrument, ShownInstrument
from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import (
    COMMANDS,
    CancelPayment,
    DisputeUpdate,
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
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from tests.support.commands import CLOCK

GOLDEN = Path(__file__).parent / "golden"
PAYMENT, ATTEMPT = UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001), UUID(int=0xA77E)
NOW = CLOCK.now()
REQUEST = {
    "payment_id": PAYMENT,
    "merchant_id": "m_1",
    "livemode": False,
    "customer_id": "cus_1",
    "method": "mpesa",
    "amount": Money(100_00, "KES"),
    "instrument": Instrument(kind="phone", display="2547****149", sealed="k1.AAAA", country="KE"),
    "accepted_at": NOW,
}
CARD = CardDetails(brand="visa", last4="4242", exp_month=12, exp_year=2030)
CARD_INSTRUMENT = Instrument(
    kind="card", display="card", sealed="k1.AAAA", customer_sealed="k1.BBBB", card=CARD
)
METHOD_REQUEST = {
    "payment_method_id": PAYMENT,
    "merchant_id": "m_1",
    "livemode": False,
    "customer_id": "cus_1",
    "method": "card",
    "accepted_at": NOW,
}
RESULT = {
    "result_id": f"{ATTEMPT}.3",
    "attempt_id": ATTEMPT,
    "seq": 3,
    "payment_id": PAYMENT,
    "method": "card",
    "occurred_at": NOW,
}
MESSAGES: dict[str, Message] = {
    "request_deposit": RequestDeposit(**REQUEST),
    "request_withdrawal": RequestWithdrawal(**REQUEST),
    "request_refund": RequestRefund(
        **REQUEST,
        original=OriginalPayment(
            payment_id=UUID(int=9), amount=Money(100_00, "KES"), provider_reference="NLJ7RT61SV"
        ),
    ),
    "cancel_payment": CancelPayment(payment_id=PAYMENT, requested_at=NOW),
    "payment_result": PaymentResult(
        kind="settled",
        result_id=f"{ATTEMPT}.2",
        attempt_id=ATTEMPT,
        seq=2,
        payment_id=PAYMENT,
        method="mpesa",
        occurred_at=NOW,
        amount=Money(100_00, "KES"),
        provider_fee=Money(22_40, "KES"),
        provider_reference="NLJ7RT61SV",
        evidence=[Step(at=NOW, name="mpesa.stk_query.answered", detail={"result_code": "0"})],
    ),
    "payment_result_declined": PaymentResult(
        kind="declined",
        result_id=f"{ATTEMPT}.2",
        attempt_id=ATTEMPT,
        seq=2,
        payment_id=PAYMENT,
        method="mpesa",
        occurred_at=NOW,
        failure=WireFailure(
            code="payer_canceled",
            category=FailureCategory.DECLINED,
            message="The payer canceled.",
            retryable=True,
        ),
    ),
    "provider_notice": ProviderNotice(
        notice_id="ab" * 32,
        provider="mpesa",
        attempt_id=ATTEMPT,
        purpose=Purpose.STK_PUSH,
        sealed_body="k1.AAAA",
        source_listed=True,
        received_at=NOW,
    ),
    "payment_event": PaymentEvent(
        event_id=f"{PAYMENT}.3",
        type="payment.completed",
        payment_id=PAYMENT,
        merchant_id="m_1",
        version=3,
        occurred_at=NOW,
        payment={"id": str(PAYMENT), "status": "completed"},
    ),
    "request_setup": RequestSetup(
        **METHOD_REQUEST, instrument=CARD_INSTRUMENT, return_url="https://shop.example/back"
    ),
    "request_detach": RequestDetach(
        **METHOD_REQUEST, detach_id=UUID(int=8), instrument=CARD_INSTRUMENT
    ),
    "method_result": MethodResult(
        kind="saved",
        result_id=f"{ATTEMPT}.2",
        attempt_id=ATTEMPT,
        seq=2,
        payment_method_id=PAYMENT,
        method="card",
        occurred_at=NOW,
        card=CARD,
        instrument_sealed="k1.AAAA",
        customer_reference_sealed="k1.BBBB",
        fingerprint="ab" * 32,
    ),
    "payment_result_reversed": PaymentResult(
        kind="reversed",
        **RESULT,
        amount=Money(100_00, "USD"),
        provider_reference="re_1:failed",
        reason="lost_or_stolen_card",
    ),
    "payment_result_reversed_in_part": PaymentResult(
        kind="reversed",
        **RESULT,
        amount=Money(40_00, "USD"),
        provider_reference="rev_1",
        reversal_reference="rev_1",
        reason="chargeback",
    ),
    "payment_result_reinstated": PaymentResult(
        kind="reinstated",
        **RESULT,
        amount=Money(40_00, "USD"),
        reversal_reference="rev_1",
        reason="canceled_reversal",
    ),
    "payment_result_received": PaymentResult(
        kind="received",
        **RESULT | {"payment_id": received_id("card", "tx_1")},
        amount=Money(40_00, "USD"),
        provider_reference="tx_1",
        received=ReceivedMoney(
            livemode=False,
            instrument=Instrument(kind="wallet", display="w***1", sealed="k1.AAAA"),
            merchant_id="acme",
            customer_id="c_1",
            related_payment_id=PAYMENT,
        ),
    ),
    "payment_result_charged": PaymentResult(
        kind="charged",
        **RESULT | {"payment_id": charged_id("card", "tx_1")},
        provider_fee=Money(1_410, "BTC"),
        provider_reference="tx_1",
        charged=ProviderCharge(livemode=False, cause="sweep"),
    ),
    "payment_result_disputed": PaymentResult(
        kind="disputed",
        **RESULT,
        dispute=DisputeUpdate(
            reference="du_1",
            status="needs_response",
            reason="fraudulent",
            amount=Money(100_00, "USD"),
            withdrawn=Money(100_00, "USD"),
            fee=Money(15_00, "EUR"),
            evidence_due_by=NOW,
        ),
    ),
    "verify_payment": VerifyPayment(
        verification_id=UUID(int=7),
        payment_id=PAYMENT,
        requested_at=NOW,
        sealed_reference="k1.AAAA",
    ),
    "rail_status": RailStatus(
        rail="mpesa", instance="mpesa-worker-0", available=True, reported_at=NOW
    ),
    "rail_status_float_low": RailStatus(
        rail="mpesa", instance="mpesa-worker-0", available=True, reported_at=NOW, float_low=["KES"]
    ),
    "rail_status_network_fees": RailStatus(
        rail="chain",
        instance="chain-worker-0",
        available=True,
        reported_at=NOW,
        network_fees=[
            NetworkFee(type="withdrawal", currency="BTC", fee=Money(2_820, "BTC"), estimated_at=NOW)
        ],
    ),
    "rail_status_away": RailStatus(
        rail="card",
        instance="card-worker-1",
        available=False,
        reason="provider_unavailable",
        reported_at=NOW,
    ),
    "ledger_head": LedgerHead(
        hash="ab" * 32, transactions=3, last_transaction_id="48", block=2, sealed_at=NOW
    ),
}


def added_to(golden: Any, travels: Any) -> set[str]:
    """The names that a message has and its golden file has not; all else must be equal."""
    if not isinstance(golden, dict):
        assert travels == golden
        return set()
    assert golden.keys() <= travels.keys()
    added = set(travels.keys() - golden.keys())
    return added.union(*(added_to(value, travels[name]) for name, value in golden.items()))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_each_message_equals_its_golden_file(name: str) -> None:
    """To add a message: write the file once by hand from the failing diff, then never change it."""
    message = outgoing("some.topic", MESSAGES[name], source="probe", at=NOW)
    travels = {
        "key": message.key,
        "headers": dict(message.headers),
        "body": json.loads(message.body),
    }
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert added_to(golden, travels) <= {"public"}


SHOWN = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}


@pytest.mark.parametrize("name", ["method_result", "request_setup", "request_detach"])
def test_what_earlier_releases_say_of_a_card_is_read(name: str) -> None:
    body = json.loads((GOLDEN / f"{name}.json").read_text())["body"]
    read = type(MESSAGES[name]).model_validate_json(json.dumps(body))
    shown = read.instrument if isinstance(read, RequestSetup | RequestDetach) else read
    assert isinstance(shown, ShownInstrument)
    assert shown.public == SHOWN


def test_earlier_releases_find_a_card_where_they_look_for_it() -> None:
    result = PaymentResult(kind="settled", **RESULT, public=SHOWN)
    assert json.loads(result.model_dump_json())["card"] == SHOWN


def test_an_instrument_of_any_rail_travels() -> None:
    public = {"email": "j***@example.com", "payer": None}
    sent = Instrument(kind="wallet", display="j***@example.com", sealed="", public=public)
    read = Instrument.model_validate_json(sent.model_dump_json(exclude_none=True))
    assert (read.kind, read.public, read.card) == ("wallet", public, None)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_is_written_can_be_read_and_more_is_ignored(name: str) -> None:
    message = MESSAGES[name]
    newer = {**json.loads(message.model_dump_json()), "added_later": 1}
    assert type(message).model_validate_json(json.dumps(newer)) == message


@pytest.mark.parametrize(
    "name",
    [
        "request_deposit",
        "request_refund",
        "cancel_payment",
        "verify_payment",
        "request_setup",
        "request_detach",
    ],
)
def test_commands_are_told_apart_by_kind(name: str) -> None:
    assert COMMANDS.validate_json(MESSAGES[name].model_dump_json()) == MESSAGES[name]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_major_version_is_refused(version: object) -> None:
    body = {**json.loads(MESSAGES["payment_result"].model_dump_json()), "schema_version": version}
    with pytest.raises(ValidationError):
        PaymentResult.model_validate_json(json.dumps(body))


def test_naive_times_are_refused() -> None:
    body = json.loads(MESSAGES["cancel_payment"].model_dump_json())
    with pytest.raises(ValidationError):
        COMMANDS.validate_python({**body, "requested_at": "2026-01-05T09:00:00"})


def test_the_published_asyncapi_document_is_current() -> None:
    published = Path(__file__).parents[3] / "docs" / "asyncapi.json"
    assert json.loads(published.read_text()) == document()


EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    (channel, example)
    for channel, about in document()["channels"].items()
    for reference in about["messages"].values()
    for name in [reference["$ref"].rpartition("/")[2]]
    for example in document()["components"]["messages"][name].get("examples", ())
]
KINDS = {type(message).__name__: type(message) for message in MESSAGES.values()}


class TestExamples:
    """The examples of the AsyncAPI document are messages that our own readers take."""

    def test_every_kind_of_message_has_one(self) -> None:
        shown = {example["headers"]["ce_type"] for _, example in EXAMPLES}
        assert shown == {
            outgoing("x", message, source="x", at=NOW).headers["ce_type"]
            for message in MESSAGES.values()
        }
        assert {channel for channel, _ in EXAMPLES} == set(document()["channels"])

    @pytest.mark.parametrize(
        ("channel", "example"), EXAMPLES, ids=[f"{c}-{e['name']}" for c, e in EXAMPLES]
    )
    def test_is_read(self, channel: str, example: dict[str, Any]) -> None:
        name = example["headers"]["ce_type"].split(".")[1]
        kind = KINDS["".join(word.title() for word in name.split("_"))]
        message = kind.model_validate_json(json.dumps(example["payload"]))
        sent = outgoing(channel, message, source="example", at=NOW)
        assert json.loads(sent.body) == example["payload"]
