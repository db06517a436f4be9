import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.callback_token import CallbackAddress, CallbackTokens, Purpose

tokens = CallbackTokens(b"k" * 32)
REFUSED_BY_DARAJA = re.compile("mpesa|m-pesa|safaricom|exe|exec|cmd|sql|query")


@given(st.uuids(), st.sampled_from(Purpose))
def test_a_token_is_read_back(attempt_id: UUID, purpose: Purpose) -> None:
    token = tokens.make(attempt_id, purpose)
    assert tokens.read(token) == CallbackAddress(attempt_id, purpose)
    assert re.fullmatch("[0-9a-f]{66}", token)
    assert not REFUSED_BY_DARAJA.search(token)


@given(st.text(max_size=80))
def test_strangers_are_refused(text: str) -> None:
    assert tokens.read(text) is None


@given(st.integers(0, 65))
def test_one_changed_digit_is_refused(place: int) -> None:
    token = tokens.make(UUID(int=1), Purpose.PAYOUT)
    changed = "0" if token[place] != "0" else "1"
    assert tokens.read(token[:place] + changed + token[place + 1 :]) is None


@pytest.mark.parametrize(
    "change", [str.upper, lambda t: t + "00", lambda t: t[:-2], lambda t: " " + t]
)
def test_other_spellings_are_refused(change) -> None:
    assert tokens.read(change(tokens.make(UUID(int=0xABC), Purpose.STATUS))) is None


def test_another_key_is_refused() -> None:
    token = CallbackTokens(b"x" * 32).make(UUID(int=1), Purpose.STK_PUSH)
    assert tokens.read(token) is None
