"""What may not come in as JSON, and card numbers however they are dressed."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.json_guard import holds_card_number, read_json
from gateway.problems import Problem

CARD = "4242424242424242"


def luhn(digits: str) -> str:
    """The digits with the check digit that makes them valid."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


@given(st.text("0123456789", min_size=12, max_size=18))
def test_every_valid_number_is_seen(digits: str) -> None:
    number = luhn(digits)
    assert holds_card_number(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not holds_card_number(wrong)


@pytest.mark.parametrize(
    "text",
    ["4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005", f"pay{CARD}now",
     f"order 12 {CARD}", f"12-{CARD}", "４２４２４２４２４２４２４２４２",
     "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", f"{CARD}, 7"],
)  # fmt: skip
def test_dressed_up(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    ["254712345678", "+254 712 345 678", "2025-11-15 10:30:00", "", "1234", CARD + "12345",
     "0" * 12, "019a5f6e-3c1d-7a2b-9c3d-424242424242", "deadbeef" + CARD + "deadbeef0"],
)  # fmt: skip
def test_not_cards(text: str) -> None:
    assert not holds_card_number(text)


@given(st.uuids())
def test_ids_are_no_cards(some_id: UUID) -> None:
    assert not holds_card_number(str(some_id))
    assert not holds_card_number(f"payment {some_id} of the day")


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
def test_refused(body: bytes, code: str) -> None:
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


def test_phone_fields_have_their_own_check() -> None:
    assert read_json(b'{"phone": "00254000000000"}')
