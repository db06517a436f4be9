import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.kafka import Record, RejectedRecord
from cift_shared.kafka.topic_batches import MESSAGE_BYTES_MAX
from cift_shared.messaging.dead_letters import LETTER_BODY_BYTES_MAX, dead_letter
from tests.support.commands import CLOCK


def letter(body: bytes | None = b"x", headers: dict[str, str] | None = None, key: str = "k"):
    record = Record("some.topic", 1, 2, key, body, headers or {})
    return dead_letter(RejectedRecord(record, "undecodable", "why\0"), group="g", at=CLOCK.now())


@given(
    st.binary(max_size=64).map(lambda part: (part or b"x") * 20_000),
    st.dictionaries(st.text(max_size=20), st.text(max_size=20).map(lambda t: t * 5_000)),
    st.text(max_size=9).map(lambda t: t * 9_999),
)
def test_a_letter_always_fits_through_the_producer(body, headers, key) -> None:
    made = letter(body, headers, key)
    sizes = [len(f"{name}{text}".encode()) for name, text in made.headers.items()]
    assert len(made.body) + len(made.key.encode()) + sum(sizes) < MESSAGE_BYTES_MAX
    assert made.headers["x-dlq-reason"] == "undecodable"
    assert "\0" not in made.headers["x-dlq-error"]


def test_an_ordinary_body_is_kept_whole_and_a_huge_one_says_that_it_was_cut() -> None:
    whole = letter(b"y" * LETTER_BODY_BYTES_MAX)
    assert whole.body == b"y" * LETTER_BODY_BYTES_MAX
    assert "x-dlq-body-bytes" not in whole.headers
    assert letter(b"y" * 990_000).headers["x-dlq-body-bytes"] == "990000"
    assert letter(None).body == b""


@pytest.mark.parametrize(
    ("said", "now"),
    [(None, "1"), ("0", "1"), ("3", "4"), ("²", "1"), ("-1", "1"), ("x", "1"), ("9" * 40, "1")],
)
def test_letters_are_counted_whatever_the_header_says(said: str | None, now: str) -> None:
    headers = {} if said is None else {"x-attempt": said}
    assert letter(headers=headers).headers["x-attempt"] == now
