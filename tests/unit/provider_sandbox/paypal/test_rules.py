"""Amounts, fees, raw text of JSON members, request tables, signatures."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sandbox.paypal import certificates, money, requests, webhooks
from provider_sandbox.paypal.errors import PayPalError

CENTS = st.integers(min_value=1, max_value=999_999_999)
CURRENCY = st.sampled_from(sorted(money.CURRENCIES))


class TestMoney:
    @given(CENTS, CURRENCY)
    def test_what_is_written_is_read_again(self, cents: int, currency: str) -> None:
        amount = Decimal(cents) if currency in money.NO_DECIMALS else Decimal(cents).scaleb(-2)
        if amount > Decimal("9999999.99"):
            amount = Decimal(1)
        text = money.write(amount, currency)
        assert money.read(text, currency) == amount
        assert ("." in text) is (currency not in money.NO_DECIMALS)

    @given(CENTS, CURRENCY)
    def test_a_fee_has_the_currencys_decimals_and_leaves_nothing_negative(
        self, cents: int, currency: str
    ) -> None:
        amount = Decimal(cents) if currency in money.NO_DECIMALS else Decimal(cents).scaleb(-2)
        fee = money.fee(amount, currency, "3.49", "0.49")
        assert Decimal(0) <= fee <= amount
        assert Decimal(money.write(fee, currency)) == fee

    @pytest.mark.parametrize(
        ("value", "currency", "issue"),
        [
            ("1.00", "KES", "INVALID_CURRENCY_CODE"),
            ("0", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("-1", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("0.001", "USD", "DECIMAL_PRECISION"),
            ("1.0", "JPY", "DECIMALS_NOT_SUPPORTED"),
            ("1.0", "TWD", "DECIMALS_NOT_SUPPORTED"),
            ("10000000", "USD", "MAX_VALUE_EXCEEDED"),
            ("NaN", "USD", "INVALID_PARAMETER_SYNTAX"),
            ("Infinity", "USD", "INVALID_PARAMETER_SYNTAX"),
            ("1e2", "USD", "INVALID_PARAMETER_SYNTAX"),
            ("١", "USD", "INVALID_PARAMETER_SYNTAX"),
        ],
    )
    def test_refusals(self, value: str, currency: str, issue: str) -> None:
        with pytest.raises(money.NotAnAmount) as refused:
            money.read(value, currency)
        assert refused.value.issue == issue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class TestMember:
    @given(st.dictionaries(st.text(), JSON), JSON, st.sampled_from([None, 1]))
    def test_is_the_text_as_it_was_sent(
        self, others: dict[str, Any], event: Any, indent: int | None
    ) -> None:
        raw = json.dumps(event, indent=indent)
        others.pop("webhook_event", None)
        before = json.dumps(others, indent=indent).strip()[:-1].rstrip()
        comma = "," if others else ""
        text = f'{before}{comma} "webhook_event" : {raw} }}'
        assert webhooks.member(text, "webhook_event") == raw

    @given(st.dictionaries(st.text().filter(lambda name: name != "x"), JSON))
    def test_is_empty_when_there_is_none(self, body: dict[str, Any]) -> None:
        assert webhooks.member(json.dumps(body), "x") == ""


def refusal(operation: str, raw: bytes) -> int | None:
    """The status with which a body is refused; None when it is read."""
    try:
        requests.parse(operation, raw)
    except PayPalError as error:
        return error.status if error.details[0]["issue"] else None
    return None


class TestRequests:
    @given(
        st.binary() | JSON.map(lambda body: json.dumps(body).encode()),
        st.sampled_from(["orders.create", "captures.refund", "payouts.post"]),
    )
    def test_any_body_is_read_or_refused(self, raw: bytes, operation: str) -> None:
        assert refusal(operation, raw) in (None, 400)


class TestSignedText:
    def test_has_the_checksum_as_a_decimal_number(self) -> None:
        """The check value of CRC-32 is published: CBF43926 for these nine bytes."""
        text = certificates.message("id", "2026-01-01T00:00:00Z", "W", b"123456789")
        assert text == f"id|2026-01-01T00:00:00Z|W|{0xCBF43926}".encode()
