"""The address that a payer comes back to says which payment it is, and nobody can make one up."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.ids import AttemptId, PaymentId
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.return_token import PayerReturn, ReturnTokens

KEY = b"k" * 32
TOKENS = ReturnTokens(KEY)
BASE = "https://pay.example"


def token_of(address: str) -> str:
    return address.removeprefix(f"{BASE}/api/v1/returns/")


@given(st.uuids(), st.booleans())
def test_an_address_is_read_back(payment_id: UUID, canceled: bool) -> None:
    address = TOKENS.address(BASE, PaymentId(payment_id), canceled=canceled)
    assert TOKENS.read(token_of(address)) == PayerReturn(PaymentId(payment_id), canceled)
    assert re.fullmatch(r"https://pay\.example/api/v1/returns/[0-9a-f]{66}", address)


@given(st.text(max_size=80))
def test_what_is_made_up_is_refused(text: str) -> None:
    assert TOKENS.read(text) is None


@pytest.mark.parametrize("purpose", [0, 1, 2, 255])
def test_a_token_of_a_callback_path_is_refused(purpose: int) -> None:
    assert TOKENS.read(CallbackTokens(KEY).make(AttemptId(UUID(int=7)), purpose)) is None


def test_a_token_of_another_key_is_refused() -> None:
    address = ReturnTokens(b"x" * 32).address(BASE, PaymentId(UUID(int=7)))
    assert TOKENS.read(token_of(address)) is None


def test_the_address_of_the_cancel_button_is_another() -> None:
    payment = PaymentId(UUID(int=7))
    assert TOKENS.address(BASE, payment) != TOKENS.address(BASE, payment, canceled=True)
