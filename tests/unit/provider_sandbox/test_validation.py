"""Daraja's field rules, without HTTP."""

import base64
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sandbox.daraja.errors import DarajaError
from provider_sandbox.daraja.validation import (
    address,
    check_merchant,
    require_object,
    shaped,
    text,
    whole_shillings,
)
from provider_sandbox.daraja.wire import Credentials

JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


class TestText:
    def test_takes_numbers_and_strings(self) -> None:
        assert text({"a": 174379}, "a", longest=7) == text({"a": "174379"}, "a", longest=7)

    @pytest.mark.parametrize("value", [None, "", "   ", True, 1.0, [], {}, "12345678"])
    def test_refuses_the_rest_by_name(self, value: object) -> None:
        with pytest.raises(DarajaError, match="Invalid a"):
            text({"a": value}, "a", longest=7)

    @given(JSON)
    def test_any_json_is_a_text_or_a_refusal(self, value: object) -> None:
        shape = re.compile(r"\d{5,7}")
        with suppress(DarajaError):
            assert shape.fullmatch(shaped({"a": value}, "a", shape))


class TestWholeShillings:
    @given(st.integers(min_value=1, max_value=250_000))
    def test_number_and_string_mean_the_same(self, amount: int) -> None:
        for value in (amount, str(amount)):
            assert whole_shillings({"Amount": value}, least=1, most=250_000) == amount

    @pytest.mark.parametrize("value", [0, -1, 250_001, "1.5", "1e3", "١", "", True, 10.0])
    def test_refuses_fractions_and_what_is_out_of_range(self, value: object) -> None:
        with pytest.raises(DarajaError, match="Invalid Amount"):
            whole_shillings({"Amount": value}, least=1, most=250_000)


class TestAddress:
    def test_takes_a_loopback_address_with_a_token(self) -> None:
        url = "http://127.0.0.1:8080/callbacks/00ff"
        assert address({"u": url}, "u", refuse_words=True) == url

    @pytest.mark.parametrize(
        "word", ["mpesa", "M-Pesa", "Safaricom", "exe", "EXEC", "cmd", "sql", "query"]
    )
    def test_refuses_words_only_when_asked(self, word: str) -> None:
        url = f"http://127.0.0.1/{word}/1"
        assert address({"u": url}, "u", refuse_words=False) == url
        with pytest.raises(DarajaError, match="Invalid u"):
            address({"u": url}, "u", refuse_words=True)

    @given(st.binary(min_size=16, max_size=33))
    def test_takes_every_hexadecimal_token(self, token: bytes) -> None:
        url = f"https://pay.example.com/callbacks/{token.hex()}"
        assert address({"u": url}, "u", refuse_words=True) == url

    @pytest.mark.parametrize("url", ["http://", "//x/y", "http://[::1", "ftp://127.0.0.1/"])
    def test_refuses_what_is_no_address(self, url: str) -> None:
        with pytest.raises(DarajaError, match="Invalid u"):
            address({"u": url}, "u", refuse_words=False)


class TestMerchant:
    @pytest.mark.parametrize(
        ("password", "message"),
        [
            (base64.b64encode(b"174379key20261102000000").decode(), None),
            (base64.b64encode(b"174379key20261102000001").decode(), "Wrong credentials"),
            (base64.b64encode(b"\xff\xfe").decode(), "Wrong credentials"),
            ("%%%", "Wrong credentials"),
        ],
    )
    def test_password_is_short_code_passkey_and_timestamp(
        self, password: str, message: str | None
    ) -> None:
        shown = Credentials(short_code="174379", password=password, timestamp="20261102000000")
        if message is None:
            check_merchant(shown, short_code="174379", passkey="key")
        else:
            with pytest.raises(DarajaError, match=message):
                check_merchant(shown, short_code="174379", passkey="key")


@pytest.mark.parametrize(
    ("body", "code"), [([], "400.002.05"), ("x", "400.002.05"), ({}, "400.003.02")]
)
def test_a_body_must_be_an_object_with_something_in_it(body: object, code: str) -> None:
    with pytest.raises(DarajaError) as refusal:
        require_object(body)
    assert refusal.value.code == code
