"""What each state of a Stripe object means, every field that may be missing left out once."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from card_worker import declines, mapping, wire
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Expired,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from tests.support import cards

VISA = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}


def intent(**over: Any) -> wire.PaymentIntent:
    return wire.PaymentIntent.model_validate(cards.intent("succeeded", **over))


def refund(status: str | None = "succeeded", **over: Any) -> wire.Refund:
    return wire.Refund.model_validate(cards.refund_object(status, **over))


def moved(amount: int, fee: int = 0, currency: str = "usd") -> dict[str, Any]:
    return {"id": f"txn_{amount}_{fee}", "amount": amount, "fee": fee, "currency": currency}


def dispute(*movements: dict[str, Any], status: str = "needs_response", **over: Any) -> Any:
    body = {**cards.dispute_object(status), "balance_transactions": list(movements), **over}
    return wire.Dispute.model_validate(body)


def error(**fields: Any) -> wire.ApiError:
    return wire.ApiError.model_validate(fields)


class TestPaid:
    def test_the_amount_is_what_stripe_received(self) -> None:
        told = mapping.paid(intent(amount=20_00, amount_received=19_99))
        assert told == Settled(Money(19_99, "USD"), cards.INTENT, Money(88, "USD"), VISA)

    @pytest.mark.parametrize(
        "missing",
        [
            {"amount_received": None},
            {"currency": None},
            {"amount_received": None, "currency": None},
        ],
    )
    def test_without_an_amount_it_is_for_people(self, missing: dict[str, Any]) -> None:
        assert isinstance(mapping.paid(intent(**missing)), Conflicting)

    @pytest.mark.parametrize(
        "strange", [{"currency": "xyz"}, {"currency": "ugx", "amount_received": 5}]
    )
    def test_an_amount_we_can_t_hold_is_for_people(self, strange: dict[str, Any]) -> None:
        assert isinstance(mapping.paid(intent(**strange)), Conflicting)

    @pytest.mark.parametrize("charge", [None, "ch_not_expanded"])
    def test_without_its_charge_it_has_neither_fee_nor_card(self, charge: object) -> None:
        told = mapping.paid(intent(latest_charge=charge))
        assert told == Settled(Money(20_00, "USD"), cards.INTENT, None, None)

    def test_without_its_balance_transaction_it_has_no_fee_yet(self) -> None:
        told = mapping.paid(intent(latest_charge=cards.charge(fee=None)))
        assert told == Settled(Money(20_00, "USD"), cards.INTENT, None, VISA)


class TestFees:
    @pytest.mark.parametrize(
        ("fee", "currency", "money"),
        [
            (1, "usd", Money(1, "USD")),
            (0, "usd", None),
            (-1, "usd", None),
            (88, "xyz", None),
            (5, "ugx", None),
            (500, "ugx", Money(5, "UGX")),
        ],
    )
    def test_a_fee_is_above_zero_and_in_a_currency_we_know(self, fee, currency, money) -> None:
        movement = wire.BalanceTransaction(id="t", amount=1, fee=fee, currency=currency)
        assert mapping.fee_of(movement) == money

    def test_none_is_none(self) -> None:
        assert mapping.fee_of(None) is None


class TestCards:
    FULL: ClassVar = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}

    def test_all_of_it(self) -> None:
        assert mapping.card_of(wire.CardPart(**self.FULL)) == VISA

    @pytest.mark.parametrize("name", list(FULL))
    def test_a_card_with_a_part_missing_is_no_card(self, name: str) -> None:
        assert mapping.card_of(wire.CardPart(**{**self.FULL, name: None})) is None

    def test_no_card(self) -> None:
        assert mapping.card_of(None) is None
        charge = cards.charge(payment_method_details=None)
        assert mapping.charge_card(intent(latest_charge=charge)) is None
        charge = cards.charge(payment_method_details={"type": "link"})
        assert mapping.charge_card(intent(latest_charge=charge)) is None
        assert mapping.charge_card(intent(latest_charge=None)) is None


class TestEnded:
    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            (None, Expired(declines.ACTION_EXPIRED)),
            ("abandoned", Expired(declines.ACTION_EXPIRED)),
            ("automatic", Expired(declines.ACTION_EXPIRED)),
            ("requested_by_customer", Declined(declines.CANCELED_AT_PROVIDER)),
            ("fraudulent", Declined(declines.CANCELED_AT_PROVIDER)),
            ("a_new_word", Declined(declines.CANCELED_AT_PROVIDER)),
        ],
    )
    def test_by_its_reason(self, reason: str | None, told: object) -> None:
        assert mapping.ended(intent(cancellation_reason=reason)) == told

    def test_an_error_says_more_than_the_reason(self) -> None:
        no = {"code": "card_declined", "decline_code": "lost_card"}
        told = mapping.ended(intent(cancellation_reason="abandoned", last_payment_error=no))
        assert told == Declined(declines.CARD_REFUSED)


class TestRefunds:
    @pytest.mark.parametrize("status", ["failed", "canceled"])
    def test_that_failed(self, status: str) -> None:
        assert mapping.refunded(refund(status)) == Declined(declines.REFUND_FAILED)

    @pytest.mark.parametrize("status", ["pending", "requires_action", "a_new_word", None])
    def test_that_are_open(self, status: str | None) -> None:
        assert mapping.refunded(refund(status)) == Pending()

    def test_that_succeeded(self) -> None:
        fee = moved(-20_00, 12)
        told = mapping.refunded(refund(amount=7_00, balance_transaction=fee))
        assert told == Settled(Money(7_00, "USD"), "re_1", Money(12, "USD"))

    @pytest.mark.parametrize("strange", [{"currency": "xyz"}, {"currency": "ugx", "amount": 5}])
    def test_of_an_amount_we_can_t_hold(self, strange: dict[str, Any]) -> None:
        assert isinstance(mapping.refunded(refund(**strange)), Conflicting)


class TestDisputes:
    def test_what_moved_is_added_up_by_its_side(self) -> None:
        told = mapping.dispute_of(
            dispute(
                moved(-12_00, 15_00), moved(-8_00, 5_00), moved(6_00, -4_00), moved(1_00, -2_00)
            )
        )
        assert (told.withdrawn, told.reinstated) == (Money(20_00, "USD"), Money(7_00, "USD"))
        assert (told.fee, told.fee_reinstated) == (Money(20_00, "USD"), Money(6_00, "USD"))

    def test_nothing_moved(self) -> None:
        told = mapping.dispute_of(dispute())
        assert (told.withdrawn, told.reinstated, told.fee, told.fee_reinstated) == (None,) * 4

    def test_a_fee_alone(self) -> None:
        told = mapping.dispute_of(dispute(moved(0, 15_00)))
        assert (told.withdrawn, told.fee) == (None, Money(15_00, "USD"))

    @pytest.mark.parametrize(
        ("sent", "fee", "fee_reinstated"),
        [(0, None, None), (1, Money(1, "USD"), None), (-1, None, Money(1, "USD"))],
    )
    def test_a_fee_of_nothing_is_none_and_of_one_cent_is_booked(
        self, sent: int, fee: Money | None, fee_reinstated: Money | None
    ) -> None:
        told = mapping.dispute_of(dispute(moved(-20_00, sent)))
        assert (told.withdrawn, told.fee) == (Money(20_00, "USD"), fee)
        assert told.fee_reinstated == fee_reinstated

    def test_in_our_balances_currency_it_is_the_whole_disputes(self) -> None:
        taken = moved(-17_12, 15_00, "eur")
        told = mapping.dispute_of(dispute(taken))
        assert (told.withdrawn, told.fee) == (Money(20_00, "USD"), Money(15_00, "EUR"))
        mixed = mapping.dispute_of(dispute(taken, moved(3_00)))
        assert (mixed.withdrawn, mixed.reinstated) == (Money(20_00, "USD"),) * 2

    @pytest.mark.parametrize(
        ("status", "closed"),
        [
            ("won", "won"),
            ("lost", "lost"),
            ("warning_closed", "canceled"),
            ("prevented", "canceled"),
            ("needs_response", None),
            ("under_review", None),
            ("warning_needs_response", None),
            ("warning_under_review", None),
            ("a_new_word", None),
        ],
    )
    def test_how_it_ended(self, status: str, closed: str | None) -> None:
        assert mapping.dispute_of(dispute(status=status)).closed == closed

    def test_its_words(self) -> None:
        told = mapping.dispute_of(dispute())
        assert (told.reference, told.status, told.reason, told.amount) == (
            "du_1", "needs_response", "fraudulent", Money(20_00, "USD"),
        )  # fmt: skip
        assert told.evidence_due_by == datetime.fromtimestamp(1_768_000_000, UTC)

    @pytest.mark.parametrize("details", [None, {}, {"due_by": None}])
    def test_without_a_day_for_evidence(self, details: object) -> None:
        assert mapping.dispute_of(dispute(evidence_details=details)).evidence_due_by is None

    def test_evidence_may_be_due_at_the_beginning_of_time(self) -> None:
        told = mapping.dispute_of(dispute(evidence_details={"due_by": 0}))
        assert told.evidence_due_by == datetime.fromtimestamp(0, UTC)

    def test_in_a_currency_we_don_t_know(self) -> None:
        with pytest.raises(ValueError, match="unknown currency"):
            mapping.dispute_of(dispute(currency="xyz"))


class TestListedDeclines:
    @pytest.mark.parametrize(
        ("told", "listed"),
        [
            (None, True),
            (error(decline_code="lost_card"), True),
            (error(code="expired_card"), True),
            (error(code="card_declined", decline_code="brand_new"), True),
            (error(advice_code="do_not_try_again", decline_code="brand_new"), True),
            (error(decline_code="brand_new"), False),
            (error(code="brand_new"), False),
            (error(advice_code="brand_new"), False),
            (error(), False),
        ],
    )
    def test_a_table_knows_it(self, told: wire.ApiError | None, listed: bool) -> None:
        assert mapping.is_listed(told) is listed

    def test_no_error_is_a_plain_no(self) -> None:
        assert mapping.failure_of(None) == declines.CARD_DECLINED

    @pytest.mark.parametrize(
        ("advice", "decline", "told"),
        [
            ("confirm_card_data", "incorrect_cvc", "card_cvc_wrong"),
            ("confirm_card_data", "lost_card", "card_data_wrong"),
            ("confirm_card_data", "card_not_supported", "card_data_wrong"),
            ("confirm_card_data", "insufficient_funds", "card_data_wrong"),
            ("try_again_later", "lost_card", "card_try_later"),
            ("do_not_try_again", "insufficient_funds", "card_refused"),
            ("do_not_try_again", "brand_new", "card_refused"),
        ],
    )
    def test_advice_and_code(self, advice: str, decline: str, told: str) -> None:
        failure = mapping.failure_of(error(advice_code=advice, decline_code=decline))
        assert failure.code == told


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "failure"),
        [
            ({"code": "resource_missing", "param": "payment_method"}, declines.CARD_UNKNOWN),
            ({"code": "resource_missing", "param": "customer"}, declines.CARD_UNKNOWN),
            (
                {"code": "resource_missing", "param": "payment_intent"},
                declines.REFUND_PAYMENT_UNKNOWN,
            ),
            ({"code": "resource_missing", "param": "x"}, declines.REQUEST_REFUSED),
            ({"code": "resource_missing"}, declines.REQUEST_REFUSED),
            ({"param": "payment_method"}, declines.CARD_UNKNOWN),
            ({"param": "payment_method", "code": "x"}, declines.REQUEST_REFUSED),
            ({"param": "payment_method", "code": "amount_too_small"}, declines.AMOUNT_REFUSED),
            ({"param": "x"}, declines.REQUEST_REFUSED),
            ({"code": "charge_disputed"}, declines.REFUND_DISPUTED),
            ({}, declines.REQUEST_REFUSED),
        ],
    )
    def test_by_code_and_field(self, fields: dict[str, str], failure: object) -> None:
        assert mapping.refusal_of(error(**fields)) == failure


INTENTS = """requires_payment_method requires_confirmation requires_action processing
    requires_capture succeeded canceled"""
REFUNDS = "pending requires_action succeeded failed canceled"
DISPUTES = """warning_needs_response warning_under_review warning_closed needs_response under_review
    won lost prevented"""


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (mapping.INTENT_STATUSES, INTENTS),
        (mapping.REFUND_STATUSES, REFUNDS),
        (mapping.DISPUTE_STATUSES, DISPUTES),
    ],
)
def test_a_word_that_is_not_here_is_counted_for_operators(
    known: frozenset[str], words: str
) -> None:
    assert sorted(known) == sorted(words.split())
