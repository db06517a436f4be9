"""What a query is given: the provider's notices as they are, and the references brought."""

from dataclasses import replace
from datetime import UTC, datetime

from cift_shared.attempts.processor import CALLER_REFERENCE, Attempt, MethodAttempt, Notice
from cift_shared.attempts.results import hints_of
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import RequestDetach
from tests.support.commands import CLOCK, IDS, deposit, phone_instrument

ATTEMPT = Attempt(AttemptId(IDS.new_id()), "deposit", deposit(), {"a": "b"}, 3)


def notice(purpose: int | None, body: bytes = b"{}") -> Notice:
    return Notice(f"n{purpose}", purpose, body, False, datetime(2026, 1, 5, tzinfo=UTC))


def test_without_references_nothing_changes() -> None:
    notices = [notice(None), notice(0), notice(255)]
    assert hints_of(ATTEMPT, notices) == (ATTEMPT, notices)
    assert hints_of(ATTEMPT, []) == (ATTEMPT, [])


def test_references_are_taken_out_of_the_notices() -> None:
    brought = [notice(CALLER_REFERENCE, b"TKF7RT61SV"), notice(CALLER_REFERENCE, b"TKF7AB12CD")]
    attempt, heard = hints_of(ATTEMPT, [brought[0], notice(1), brought[1]])
    assert attempt == replace(ATTEMPT, references=("TKF7RT61SV", "TKF7AB12CD"))
    assert heard == [notice(1)]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    attempt, _ = hints_of(ATTEMPT, [notice(CALLER_REFERENCE, b"\xff1")])
    assert isinstance(attempt, Attempt)
    assert attempt.references == ("\ufffd1",)


def test_a_saved_method_has_none() -> None:
    request = RequestDetach(
        payment_method_id=IDS.new_id(), merchant_id="m", livemode=False, customer_id="c",
        method="card", accepted_at=CLOCK.now(), detach_id=IDS.new_id(),
        instrument=phone_instrument(),
    )  # fmt: skip
    attempt = MethodAttempt(AttemptId(IDS.new_id()), "detach", request)
    notices = [notice(CALLER_REFERENCE)]
    assert hints_of(attempt, notices) == (attempt, notices)
