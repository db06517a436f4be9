"""What the status of a payout's item means, after what we reported before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.outcomes import FailureCategory
from paypal_worker.payout_items import (
    MEANINGS,
    Meaning,
    Reported,
    failure_of,
    is_listed,
    meaning_of,
)

OPEN, PAID, NOT_PAID, BACK = Reported
STATUSES = sorted(MEANINGS)

TABLE = [
    ("SUCCESS", "paid", "nothing_new", "paid", "nothing_new"),
    ("PENDING", "wait", "nothing_new", "nothing_new", "nothing_new"),
    ("ONHOLD", "wait", "nothing_new", "nothing_new", "nothing_new"),
    ("UNCLAIMED", "wait", "nothing_new", "nothing_new", "nothing_new"),
    ("FAILED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("DENIED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("RETURNED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("BLOCKED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("REFUNDED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("REVERSED", "not_paid", "given_back", "nothing_new", "nothing_new"),
    ("SOMETHING_NEW", "wait", "nothing_new", "nothing_new", "nothing_new"),
]


@pytest.mark.parametrize(("status", "fresh", "paid", "not_paid", "back"), TABLE)
def test_the_table(status: str, fresh: str, paid: str, not_paid: str, back: str) -> None:
    found = [meaning_of(status, reported) for reported in (OPEN, PAID, NOT_PAID, BACK)]
    assert found == [fresh, paid, not_paid, back]


def test_the_table_above_has_every_documented_status() -> None:
    assert {row[0] for row in TABLE if is_listed(row[0])} == set(STATUSES)


_AFTER = {
    Meaning.PAID: PAID,
    Meaning.NOT_PAID: NOT_PAID,
    Meaning.GIVEN_BACK: BACK,
}


@given(st.lists(st.sampled_from([*STATUSES, "NEW_WORD"]), max_size=12))
def test_money_comes_back_once_whatever_is_read_in_whatever_order(statuses: list[str]) -> None:
    reported, held, out = OPEN, 1, 0
    for status in statuses:
        meaning = meaning_of(status, reported)
        if meaning is Meaning.PAID and reported is OPEN:
            held, out = held - 1, out + 1
        elif meaning is Meaning.NOT_PAID:
            held -= 1
        elif meaning is Meaning.GIVEN_BACK:
            out -= 1
        elif meaning is Meaning.PAID:
            assert reported is NOT_PAID
            return  # a conflict: the ledger puts it in suspense, for an operator
        reported = _AFTER.get(meaning, reported)
        assert (held, out) in ((1, 0), (0, 1), (0, 0))


@given(st.lists(st.sampled_from(["PENDING", "ONHOLD", "UNCLAIMED", "NEW_WORD"]), max_size=12))
def test_no_word_that_is_not_final_ends_a_payout(statuses: list[str]) -> None:
    assert {meaning_of(status, OPEN) for status in statuses} <= {Meaning.WAIT}


class TestFailures:
    def test_the_items_error_goes_before_its_status(self) -> None:
        assert failure_of("FAILED", "RECEIVER_ACCOUNT_LOCKED").code == "recipient_account_locked"
        assert failure_of("RETURNED", "RECEIVER_ACCOUNT_LIMITATION").code == (
            "recipient_account_locked"
        )

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("RETURNED", "payout_unclaimed"),
            ("BLOCKED", "payout_refused"),
            ("REVERSED", "payout_returned"),
            ("REFUNDED", "payout_returned"),
            ("FAILED", "payout_failed"),
        ],
    )
    def test_without_a_known_error_the_status_decides(self, status: str, code: str) -> None:
        assert failure_of(status, None).code == failure_of(status, "NEVER_SEEN").code == code

    @pytest.mark.parametrize("error", ["SENDER_EMAIL_UNCONFIRMED", "INSUFFICIENT_FUNDS"])
    def test_a_fault_of_our_account_is_not_blamed_on_the_recipient(self, error: str) -> None:
        failure = failure_of("FAILED", error)
        assert failure.category is FailureCategory.CONFIGURATION
        assert failure.retryable
