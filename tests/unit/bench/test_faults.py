import pytest

from tests.bench.cluster import PROVIDER_S
from tests.bench.faults import PATIENCE_S, drained, recovery_s
from tests.bench.load import Result

KILLED = 102.0


def result(*due: float) -> Result:
    """Requests due so many seconds after 100; each one's id is its number."""
    count = len(due)
    return Result(100.0, list(due), [0.0] * count, [202] * count, [str(n) for n in range(count)])


def test_a_wait_counts_from_the_kill_or_from_being_sent_if_that_was_later():
    sent = result(1.5, 2.5)
    posted = {"0": KILLED + 4 + PROVIDER_S, "1": 102.5 + 3 + PROVIDER_S}
    assert recovery_s(sent, KILLED, posted) == pytest.approx(4)
    posted["1"] = 102.5 + 5 + PROVIDER_S
    assert recovery_s(sent, KILLED, posted) == pytest.approx(5)


def test_payments_far_from_the_kill_tell_nothing_about_it():
    assert recovery_s(result(0.0, 3.5), KILLED, {"0": 900.0, "1": 900.0}) == 0


def test_a_payment_that_never_came_through_is_the_worst():
    assert recovery_s(result(2.0), KILLED, {}) == pytest.approx(PATIENCE_S - PROVIDER_S)


def test_a_backlog_is_timed_until_it_is_as_small_as_usual():
    due = [n / 10 for n in range(400)]  # ten a second for forty seconds
    settled = [at + 1 if at < 9 else max(20 + (at - 9) / 2, at + 1) for at in due]
    drain = drained(result(*due), 10, (110.0, 120.0), [100 + at for at in settled])
    assert drain.backlog == pytest.approx(110, abs=2)
    assert drain.drained_at == pytest.approx(31, abs=4)
    assert drain.vs_arrival == pytest.approx(2, abs=0.2)
    assert drain.first_settled_s == pytest.approx(0, abs=0.2)
