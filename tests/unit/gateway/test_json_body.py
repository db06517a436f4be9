"""JSON that a request body may not contain."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.json_body import read_json
from gateway.problems.problem import Problem

CARD = "4242424242424242"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-999, 999) | st.text("abc é~/", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~"), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_plain_documents_come_through(document: object) -> None:
    assert read_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "json_malformed"), (b"{", "json_malformed"), (b"\xff", "json_malformed"),
     (b"{} {}", "json_malformed"), (b"[" * 100_000, "json_malformed"),
     (b"1" * 10_000, "json_malformed"), (b'{"a": NaN}', "json_refused"),
     (b"-Infinity", "json_refused"), (b'{"a": 1, "a": 1}', "json_refused"),
     (b"[" * 22 + b"]" * 22, "json_refused"), (b'["a\\u0000"]', "text_refused"),
     (b'["\\udc00"]', "text_refused"), (b"[4242424242424242]", "card_number_refused")],
)  # fmt: skip
def test_a_body_that_is_no_strict_json_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        read_json(body)
    assert refused.value.code == code


def test_place_is_named_but_never_the_number() -> None:
    with pytest.raises(Problem) as refused:
        read_json(json.dumps({"metadata": {"a/b": CARD}}).encode())
    assert refused.value.errors[0]["pointer"] == "/metadata/a~1b"
    with pytest.raises(Problem) as refused:
        read_json(json.dumps({CARD: {"x": CARD}}).encode())
    assert CARD not in str(refused.value.document("urn:x"))


def test_twenty_levels_are_fine() -> None:
    read_json(b"[" * 20 + b"]" * 20)


@pytest.mark.parametrize(
    "document",
    [{"phone": CARD}, {"payment_method": {"phone": f"+{CARD}"}}, {CARD: 1}, {"a": {CARD: None}},
     [[int(CARD)]], {"a": float(CARD)}, {"a": f"x {CARD}"}, CARD],
)  # fmt: skip
def test_card_numbers_in_any_place(document: object) -> None:
    with pytest.raises(Problem) as refused:
        read_json(json.dumps(document).encode())
    assert refused.value.code == "card_number_refused"
    assert CARD not in str(refused.value.document("urn:x"))


def test_phones_are_left_to_their_own_check() -> None:
    assert read_json(b'{"phone": "00254000000000"}')
