"""What a payment may do in its life."""

import pytest

from ledger.domain import FINAL, OPEN, TRANSITIONS, Status, may_move


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


def test_only_pending_can_be_canceled() -> None:
    assert [status for status in Status if may_move(status, Status.CANCELED)] == [Status.PENDING]


def test_nothing_goes_back_to_pending() -> None:
    assert not any(may_move(status, Status.PENDING) for status in Status)
