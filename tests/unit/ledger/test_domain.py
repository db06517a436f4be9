"""What a payment may do in its life."""

import pytest

from ledger.posting.domain import FINAL, OPEN, TRANSITIONS, Outcome, Status, may_move


def test_every_status_says_where_it_may_go() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_statuses_are_open_final_or_in_review() -> None:
    assert OPEN | FINAL | {Status.IN_REVIEW} == set(Status)
    assert not OPEN & FINAL


@pytest.mark.parametrize("status", sorted(OPEN))
def test_an_open_payment_can_reach_every_answer(status: Status) -> None:
    for end in (Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.IN_REVIEW):
        assert may_move(status, end)


def test_completed_is_for_ever() -> None:
    assert TRANSITIONS[Status.COMPLETED] == frozenset()


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED, Status.CANCELED])
def test_where_nothing_moved_only_people_may_look_again(status: Status) -> None:
    assert TRANSITIONS[status] == {Status.IN_REVIEW}


def test_only_an_open_payment_can_be_canceled() -> None:
    assert {status for status in Status if may_move(status, Status.CANCELED)} == OPEN


def test_nothing_goes_back_to_pending() -> None:
    assert not any(may_move(status, Status.PENDING) for status in Status)


EVERY_MOVE = """
    pending > processing requires_action completed failed expired canceled in_review
    processing > requires_action completed failed expired canceled in_review
    requires_action > processing requires_action completed failed expired canceled in_review
    completed >
    failed > in_review
    expired > in_review
    canceled > in_review
    in_review >
"""


@pytest.mark.parametrize("line", EVERY_MOVE.strip().splitlines())
def test_the_table_of_moves_is_as_written_here(line: str) -> None:
    start, _, ends = line.strip().partition(" >")
    for status in Status:
        assert may_move(Status(start), status) is (status in ends.split())


def test_open_and_final_are_as_written_here() -> None:
    assert {"pending", "processing", "requires_action"} == OPEN
    assert {"completed", "failed", "expired", "canceled"} == FINAL


def test_words_are_those_in_messages_and_tables() -> None:
    """They are stored and published: a renamed one would be another state."""
    assert [str(status) for status in Status] == [
        "pending", "processing", "requires_action", "completed", "failed", "expired", "canceled",
        "in_review",
    ]  # fmt: skip
    assert [str(outcome) for outcome in Outcome] == [
        "applied", "noted", "duplicate", "stale", "conflict", "unknown_payment",
    ]  # fmt: skip
