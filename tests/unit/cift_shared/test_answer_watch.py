"""A provider is away after failures in a row, until it answers or nothing is known any more."""

from datetime import timedelta

from cift_shared.observability.metrics import PROVIDER_UP
from cift_shared.resilience.answer_watch import SILENT_S, AnswerWatch
from cift_shared.testing import FakeClock


def is_away(watch: AnswerWatch) -> bool:
    return watch.is_away


def failing(times: int) -> tuple[AnswerWatch, FakeClock]:
    clock = FakeClock()
    watch = AnswerWatch("watched", clock, failures_max=3)
    for _ in range(times):
        watch.failed()
    return watch, clock


def shown() -> float:
    return PROVIDER_UP.labels("watched")._value.get()


def test_it_is_there_before_anything_was_asked() -> None:
    watch, _ = failing(0)
    assert (watch.is_away, shown()) == (False, 1)


def test_failures_in_a_row() -> None:
    assert not failing(2)[0].is_away
    watch, _ = failing(3)
    assert (watch.is_away, shown()) == (True, 0)


def test_an_answer_ends_it() -> None:
    watch, _ = failing(3)
    watch.answered()
    assert (watch.is_away, shown()) == (False, 1)
    watch.failed()
    watch.failed()
    assert not watch.is_away


def test_old_failures_say_nothing() -> None:
    watch, clock = failing(3)
    clock.advance(timedelta(seconds=SILENT_S) - timedelta(milliseconds=1))
    assert is_away(watch)
    clock.advance(timedelta(milliseconds=1))
    assert not is_away(watch)
    watch.failed()
    assert is_away(watch)
