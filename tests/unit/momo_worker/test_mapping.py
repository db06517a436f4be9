"""What MTN's words mean: the status first, the reason second, and only what was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.outcomes import Conflicting, Declined, Expired, Pending, Settled
from cift_shared.money.amount import Money
from momo_worker import codes, domain, mapping, wire

ASKED = mapping.Asked(
    amount=Money(20_000, "UGX"), wire_currency="UGX", external_id="attempt-1", party="256772000777"
)
FITS = {
    "status": "SUCCESSFUL", "amount": "20000", "currency": "UGX", "externalId": "attempt-1",
    "financialTransactionId": "1503480762", "payer": {"partyIdType": "MSISDN",
                                                      "partyId": "256772000777"},
}  # fmt: skip


def status(**over: object) -> wire.Status:
    return wire.Status.model_validate({**FITS, **over})


def outcome(**over: object) -> object:
    return mapping.outcome_of(ASKED, status(**over), codes.COLLECTION_REASONS)


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"amount": "20000.00"},
        {"amount": 20000},
        {"financialTransactionId": 1503480762},
        {"payer": {"partyId": "+256772000777"}},
        {"payer": None},
        {"reason": "NOT_ENOUGH_FUNDS"},  # the status decides
    ],
)
def test_a_success_about_what_was_asked_for(over: dict[str, object]) -> None:
    assert outcome(**over) == Settled(Money(20_000, "UGX"), "1503480762")


@pytest.mark.parametrize(
    ("over", "wrong"),
    [
        ({"amount": "20001"}, "amount"),
        ({"amount": "20000.50"}, "amount"),
        ({"amount": "2e4"}, "amount"),
        ({"amount": None}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": None}, "currency"),
        ({"externalId": "attempt-2"}, "reference"),
        ({"payer": {"partyId": "256772000778"}}, "phone"),
    ],
)
def test_a_success_about_something_else_is_decided_by_people(
    over: dict[str, object], wrong: str
) -> None:
    assert outcome(**over) == Conflicting(f"MTN reports a success with another {wrong}")


def test_in_the_sandbox_euro_stands_for_the_asked_currency_and_nothing_else_does() -> None:
    sandbox = mapping.Asked(
        amount=ASKED.amount, wire_currency="EUR", external_id="attempt-1", party=None
    )
    paid = mapping.outcome_of(sandbox, status(currency="EUR"), codes.COLLECTION_REASONS)
    assert paid == Settled(Money(20_000, "UGX"), "1503480762")
    real = mapping.outcome_of(sandbox, status(currency="UGX"), codes.COLLECTION_REASONS)
    assert isinstance(real, Conflicting)


@pytest.mark.parametrize("word", ["PENDING", "CREATED", "ONGOING", "DELAYED", "TOMORROW", "", None])
def test_any_other_status_is_open(word: str | None) -> None:
    assert outcome(status=word, reason="NOT_ENOUGH_FUNDS") == Pending()


@pytest.mark.parametrize("word", sorted(codes.ENDED))
def test_an_end_moves_nothing_whatever_its_reason(word: str) -> None:
    for reason in (None, "A_REASON_OF_TOMORROW", *codes.COLLECTION_REASONS):
        assert isinstance(outcome(status=word, reason=reason), Declined | Expired)


@pytest.mark.parametrize(
    ("word", "reason", "code"),
    [
        ("FAILED", "APPROVAL_REJECTED", "canceled_by_payer"),
        ("FAILED", {"code": "PAYER_NOT_FOUND", "message": "x"}, "payer_not_registered"),
        ("FAILED", None, "payment_failed"),
        ("FAILED", "A_REASON_OF_TOMORROW", "payment_failed"),
        ("REJECTED", None, "canceled_by_payer"),
        ("EXPIRED", None, "prompt_expired"),
        ("TIMEOUT", "A_REASON_OF_TOMORROW", "prompt_expired"),
    ],
)
def test_why_it_ended(word: str, reason: object, code: str) -> None:
    ended = outcome(status=word, reason=reason)
    assert isinstance(ended, Declined | Expired)
    assert ended.failure.code == code


def test_only_an_unanswered_request_is_expired() -> None:
    for reason, failure in codes.COLLECTION_REASONS.items():
        kind = Expired if failure is codes.NOT_ANSWERED else Declined
        assert outcome(status="FAILED", reason=reason) == kind(failure)


@pytest.mark.parametrize(
    ("word", "reason", "listed"),
    [
        ("SUCCESSFUL", None, True),
        ("PENDING", "ANYTHING", True),
        ("TOMORROW", None, False),
        (None, None, False),
        ("FAILED", None, True),
        ("FAILED", "NOT_ENOUGH_FUNDS", True),
        ("FAILED", "TOMORROW", False),
    ],
)
def test_what_no_table_lists_is_counted(word: str | None, reason: str | None, listed: bool) -> None:
    state = status(status=word, reason=reason)
    assert mapping.is_listed(state, codes.COLLECTION_REASONS) is listed


def test_our_float_and_our_set_up_are_alarms() -> None:
    assert codes.PAYOUT_REASONS["NOT_ENOUGH_FUNDS"] is codes.FLOAT_LOW
    assert codes.COLLECTION_REASONS["NOT_ENOUGH_FUNDS"] is not codes.FLOAT_LOW
    for reason in codes.OURS:
        assert codes.COLLECTION_REASONS[reason] is codes.PAYOUT_REASONS[reason] is codes.SETUP_WRONG


@given(st.integers(min_value=0, max_value=10**12))
def test_whole_units_are_read_as_they_are_written(units: int) -> None:
    assert domain.whole_units(domain.whole_text(Money(units, "RWF"))) == units
    assert domain.whole_units(f"{units}.00") == units
    assert domain.whole_units(f"{units}.01") is None


def test_an_amount_has_at_most_40_characters() -> None:
    assert domain.whole_units("1" * 40) == int("1" * 40)
    assert domain.whole_units("1" * 41) is None


@pytest.mark.parametrize("text", [None, "", "-1", "+1", "1,000", " 1", "1.", ".5", "١"])
def test_other_texts_are_no_amount(text: str | None) -> None:
    assert domain.whole_units(text) is None
