import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.security.callback_token import NO_ATTEMPT, CallbackAddress, CallbackTokens

tokens = CallbackTokens(b"k" * 32)
REFUSED_BY_DARAJA = re.compile("mpesa|m-pesa|safaricom|exe|exec|cmd|sql|query")


@given(st.uuids(), st.integers(0, 255))
def test_a_token_is_read_back(attempt_id: UUID, purpose: int) -> None:
    token = tokens.make(attempt_id, purpose)
    assert tokens.read(token) == CallbackAddress(attempt_id, purpose)
    assert re.fullmatch("[0-9a-f]{66}", token)
    assert not REFUSED_BY_DARAJA.search(token)


@given(st.text(max_size=80))
def test_strangers_are_refused(text: str) -> None:
    assert tokens.read(text) is None


@given(st.integers(0, 65))
def test_one_changed_digit_is_refused(place: int) -> None:
    token = tokens.make(UUID(int=1), 2)
    changed = "0" if token[place] != "0" else "1"
    assert tokens.read(token[:place] + changed + token[place + 1 :]) is None


@pytest.mark.parametrize(
    "change", [str.upper, lambda t: t + "00", lambda t: t[:-2], lambda t: " " + t]
)
def test_other_spellings_are_refused(change) -> None:
    assert tokens.read(change(tokens.make(UUID(int=0xABC), 4))) is None


def test_another_key_is_refused() -> None:
    token = CallbackTokens(b"x" * 32).make(UUID(int=1), 1)
    assert tokens.read(token) is None


GOLDEN = "0123456789abcdef0123456789abcdef018424f9f158c769d03737c3b521d24c5d"
"""Made by the first release: a provider answers on the paths of requests sent before an upgrade."""


def test_a_token_of_an_earlier_release_is_still_read() -> None:
    attempt_id = UUID(hex=GOLDEN[:32])
    assert tokens.make(attempt_id, 1) == GOLDEN
    assert tokens.read(GOLDEN) == CallbackAddress(attempt_id, 1)


def test_the_path_of_no_attempt_keeps_its_id() -> None:
    """It is registered at the provider once, and must be read by every later release."""
    assert NO_ATTEMPT.bytes == bytes(16)
    token = tokens.make(NO_ATTEMPT, 9)
    assert token.startswith("00" * 16 + "09")
    assert tokens.read(token) == CallbackAddress(NO_ATTEMPT, 9)
