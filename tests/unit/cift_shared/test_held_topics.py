"""A topic that fails alone: how long it is left out, and what is logged and measured of it."""

from datetime import timedelta
from typing import Any

import structlog
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.held_topics import HOLD_S_MAX, HOLD_S_MIN, HeldTopics
from cift_shared.observability import metrics
from cift_shared.testing import FakeClock


def row(number: int, topic: str, age_s: int = 0) -> dict[str, Any]:
    return {"id": number, "topic": topic, "age_s": age_s}


def held(clock: FakeClock) -> HeldTopics:
    return HeldTopics("probe", clock)


def wait(clock: FakeClock, seconds: float) -> None:
    clock.advance(timedelta(seconds=seconds))


def test_only_the_failing_topic_is_left_out_until_its_delay_ends() -> None:
    clock = FakeClock()
    topics = held(clock)
    topics.note([row(1, "a"), row(2, "b")], [False, True], {"a": "missing"})
    assert topics.names == ["a"]
    wait(clock, HOLD_S_MIN)
    assert topics.names == []


@given(failures=st.integers(1, 30))
def test_the_delay_grows_to_a_maximum(failures: int) -> None:
    clock = FakeClock()
    topics = held(clock)
    delays = []
    for _ in range(failures):
        topics.note([row(1, "a")], [False], {"a": "missing"})
        began = clock.monotonic()
        while topics.names:
            wait(clock, HOLD_S_MIN)
        delays.append(clock.monotonic() - began)
    assert delays == sorted(delays)
    assert delays[0] == HOLD_S_MIN
    assert delays[-1] == min(HOLD_S_MAX, HOLD_S_MIN * 2 ** (failures - 1))


def test_a_topic_that_takes_some_records_is_tried_again_soon() -> None:
    clock = FakeClock()
    topics = held(clock)
    for number in range(10):
        topics.note([row(number, "a"), row(99, "a")], [True, False], {"a": "too large"})
        assert topics.names == ["a"]
        wait(clock, HOLD_S_MIN)
        assert topics.names == []


def test_an_outage_is_logged_once_with_topic_and_reason_and_so_is_its_end() -> None:
    clock = FakeClock()
    topics = held(clock)
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            topics.note([row(7, "a"), row(8, "b")], [False, False], {"a": "missing", "b": "no"})
            wait(clock, HOLD_S_MAX)
        topics.note([row(7, "a")], [True], {})
    said = [(line["event"], line["topic"], line.get("reason")) for line in lines]
    assert said == [
        ("outbox.topic.failed", "a", "missing"),
        ("outbox.topic.failed", "b", "no"),
        ("outbox.topic.recovered", "a", None),
    ]
    assert lines[0]["outbox_id"] == 7
    assert lines[-1]["for_s"] == 5 * HOLD_S_MAX


def test_waiting_rows_are_measured_until_the_topic_recovers() -> None:
    clock = FakeClock()
    topics = held(clock)
    measured = metrics.OUTBOX_WAITING.labels("probe", "a")
    topics.note([row(7, "a", age_s=30)], [False], {"a": "missing"})
    topics.count({"a": 12})
    wait(clock, 5)
    assert (topics.waiting, topics.oldest_age_s, measured._value.get()) == (12, 35, 12)
    topics.note([row(7, "a")], [True], {})
    assert (topics.waiting, topics.oldest_age_s, measured._value.get()) == (0, 0, 0)


def test_a_topic_for_which_no_row_waits_any_more_is_forgotten() -> None:
    clock = FakeClock()
    topics = held(clock)
    measured = [metrics.OUTBOX_WAITING.labels("probe", name) for name in ("a", "b")]
    topics.note([row(1, "a"), row(2, "b")], [False, False], {"a": "missing", "b": "missing"})
    topics.count({"a": 1, "b": 1})
    wait(clock, HOLD_S_MIN)
    topics.count({"a": 2})  # b is not looked at: it is about to be tried again
    assert [each._value.get() for each in measured] == [2, 1]
    topics.keep({"a"})
    assert topics.waiting == 2
    assert [each._value.get() for each in measured] == [2, 0]
    topics.keep(())
    assert (topics.waiting, topics.oldest_age_s) == (0, 0)
