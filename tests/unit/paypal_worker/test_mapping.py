"""What PayPal's statuses mean: a word that no table lists decides nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.outcomes import Conflicting, Declined, Pending, Settled
from cift_shared.money.amount import Money
from paypal_worker import issues, mapping, wire
from tests.support import paypal

CAPTURE_WORDS = ["COMPLETED", "DECLINED", "FAILED", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED"]
REFUND_WORDS = ["CANCELLED", "COMPLETED", "FAILED", "PENDING"]


def capture(status: str | None = "COMPLETED", **over: object) -> wire.Capture:
    return wire.Capture.model_validate(paypal.capture_object(status, **over))


def refund(status: str | None = "COMPLETED", **over: object) -> wire.Refund:
    return wire.Refund.model_validate(paypal.refund_object(status, **over))


@pytest.mark.parametrize("status", ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"])
def test_a_capture_whose_money_arrived_is_settled(status: str) -> None:
    settled = Settled(Money(20_00, "USD"), paypal.CAPTURE, Money(1_19, "USD"))
    assert mapping.captured(capture(status)) == settled


@pytest.mark.parametrize("status", ["DECLINED", "FAILED"])
def test_a_refused_capture_is_declined(status: str) -> None:
    assert mapping.captured(capture(status)) == Declined(issues.CAPTURE_DECLINED)


@given(st.one_of(st.none(), st.text(max_size=20)).filter(lambda word: word not in CAPTURE_WORDS))
def test_no_other_word_settles_or_declines_a_capture(word: str | None) -> None:
    assert mapping.captured(capture(word)) == Pending()


def test_a_pending_capture_is_no_success() -> None:
    assert mapping.captured(capture("PENDING")) == Pending()
    assert sorted(mapping.CAPTURE_STATUSES) == CAPTURE_WORDS


@pytest.mark.parametrize(
    "amount",
    [
        None,
        {"currency_code": "USD", "value": "twenty"},
        {"currency_code": "XXX", "value": "20.00"},
        {"currency_code": "USD", "value": "20.001"},
    ],
)
def test_a_paid_capture_without_a_readable_amount_is_for_an_operator(amount: object) -> None:
    assert isinstance(mapping.captured(capture(amount=amount)), Conflicting)
    assert isinstance(mapping.refunded(refund(amount=amount)), Conflicting)


def test_the_amount_is_that_of_the_capture() -> None:
    found = mapping.captured(capture(amount=paypal.money(19_99)))
    assert isinstance(found, Settled)
    assert found.amount == Money(19_99, "USD")


@pytest.mark.parametrize(
    ("parts", "fee"),
    [
        (None, None),
        ({}, None),
        ({"paypal_fee": paypal.money(1_19)}, Money(1_19, "USD")),
        ({"paypal_fee": {"currency_code": "USD", "value": "0.00"}}, None),
        ({"paypal_fee": {"currency_code": "USD", "value": "-0.10"}}, None),
        ({"paypal_fee": {"currency_code": "USD", "value": "?"}}, None),
        (
            {
                "paypal_fee": paypal.money(1_19),
                "paypal_fee_in_receivable_currency": paypal.money(1_05, "EUR"),
            },
            Money(1_05, "EUR"),
        ),
    ],
)
def test_the_fee_is_in_the_currency_in_which_it_was_charged(parts: object, fee: object) -> None:
    assert mapping.fee_of(capture(seller_receivable_breakdown=parts)) == fee


def test_an_order_without_captures_has_none() -> None:
    assert mapping.only_capture(wire.Order.model_validate(paypal.order("COMPLETED"))) is None


@pytest.mark.parametrize("statuses", [["DECLINED", "COMPLETED"], ["COMPLETED", "PENDING"]])
def test_of_several_captures_the_paid_one_decides(statuses: list[str]) -> None:
    made = [paypal.capture_object(status, id=f"C{n}") for n, status in enumerate(statuses)]
    found = mapping.only_capture(wire.Order.model_validate(paypal.order(captures=made)))
    assert found is not None
    assert found.status == "COMPLETED"


def test_refunds() -> None:
    assert mapping.refunded(refund()) == Settled(Money(20_00, "USD"), paypal.REFUND)
    assert mapping.refunded(refund("PENDING")) == Pending()
    for status in ("FAILED", "CANCELLED"):
        assert mapping.refunded(refund(status)) == Declined(issues.REFUND_FAILED)
    assert sorted(mapping.REFUND_STATUSES) == REFUND_WORDS


@given(st.one_of(st.none(), st.text(max_size=20)).filter(lambda word: word not in REFUND_WORDS))
def test_no_other_word_ends_a_refund(word: str | None) -> None:
    assert mapping.refunded(refund(word)) == Pending()
