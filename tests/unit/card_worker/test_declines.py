"""The decline table: what a cardholder is told, and what nobody is told."""

import re

import pytest

from card_worker import declines, mapping, wire
from cift_shared.messaging.outcomes import Failure, FailureCategory

FRAUD = (
    "lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist",
    "restricted_card", "security_violation",
)  # fmt: skip
EVERY = {
    *declines.DECLINES.values(),
    *declines.ADVICE.values(),
    *declines.REQUEST_ERRORS.values(),
}


def told(**error):
    return mapping.failure_of(wire.ApiError(**error))


def test_fraud_loss_and_theft_sound_alike() -> None:
    failures = {told(code="card_declined", decline_code=code) for code in FRAUD}
    assert failures == {declines.CARD_REFUSED}
    assert not failures.pop().retryable


@pytest.mark.parametrize(
    ("advice", "code"),
    [
        ("do_not_try_again", "card_refused"),
        ("confirm_card_data", "card_data_wrong"),
        ("try_again_later", "card_try_later"),
    ],
)
def test_advice_decides_before_the_code(advice, code) -> None:
    contrary = {"do_not_try_again": "insufficient_funds"}.get(advice, "lost_card")
    assert told(advice_code=advice, decline_code=contrary).code == code


@pytest.mark.parametrize(
    ("advice", "error", "code"),
    [
        ("try_again_later", {"decline_code": "insufficient_funds"}, "card_funds_insufficient"),
        ("confirm_card_data", {"code": "expired_card"}, "card_expired"),
        ("do_not_try_again", {"decline_code": "card_not_supported"}, "card_not_supported"),
    ],
)
def test_a_code_that_agrees_with_the_advice_says_more(advice, error, code) -> None:
    assert told(advice_code=advice, **error).code == code


def test_advice_nobody_knows_is_no_advice() -> None:
    failure = told(advice_code="think_about_it", decline_code="insufficient_funds")
    assert failure.code == "card_funds_insufficient"


@pytest.mark.parametrize("error", [{}, {"decline_code": "brand_new"}, {"code": "brand_new"}])
def test_an_unknown_code_is_soft(error) -> None:
    assert told(**error) == declines.CARD_DECLINED
    assert declines.CARD_DECLINED.retryable


def test_the_banks_code_comes_before_stripes() -> None:
    assert told(code="card_declined", decline_code="lost_card").code == "card_refused"
    assert told(code="expired_card").code == "card_expired"
    assert told(code="incorrect_cvc", decline_code="incorrect_cvc").code == "card_cvc_wrong"


def test_every_text_can_be_shown_to_a_cardholder() -> None:
    for failure in EVERY:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", failure.code)
        assert failure.message.endswith(".")
        assert len(failure.message) < 120
        shown = failure.message.lower()
        for word in ("fraud", "stolen", "lost", "radar", "blacklist", "pickup", "api", "null"):
            assert word not in shown, failure.code


def test_one_code_has_one_meaning() -> None:
    by_code: dict[str, Failure] = {}
    for failure in EVERY:
        assert by_code.setdefault(failure.code, failure) == failure


def test_soft_declines_may_be_tried_again_and_hard_ones_not() -> None:
    for code in ("insufficient_funds", "do_not_honor", "issuer_not_available", "try_again_later"):
        assert declines.DECLINES[code].retryable
    for code in ("lost_card", "card_not_supported", "currency_not_supported", "testmode_decline"):
        assert not declines.DECLINES[code].retryable
    assert declines.REQUEST_REFUSED.category is FailureCategory.CONFIGURATION
