"""PayPal accounts: what is accepted, what is sealed, what is shown."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from paypal_method.accounts import Account, account_of
from paypal_method.instruments import PAYER, RECIPIENT, AccountIn, AccountToSave

EMAIL, PAYER_ID = "jane@example.com", "QX2345ABCDEFG"


class TestAccounts:
    @pytest.mark.parametrize(
        ("account", "shown"),
        [
            (Account(email=EMAIL), "j***@example.com"),
            (Account(payer_id=PAYER_ID), "QX***FG"),
            (Account(email=EMAIL, payer_id=PAYER_ID, token="8kk8451t"), "j***@example.com"),
            (Account(token="8kk8451t"), None),
        ],
    )
    def test_survive_sealing_and_are_shown_masked(
        self, account: Account, shown: str | None
    ) -> None:
        assert account_of(account.text) == account
        assert account.shown == shown

    @pytest.mark.parametrize(
        "text",
        [
            "", "jane", "@example.com", "jane@", "jane@example", "jane@@example.com",
            "jane@exa mple.com", "jane@example.com\n", "jane@example.com, joe@example.com",
            "<jane@example.com>", "x" * 120 + "@example.com", "QX2345ABCDEF", "QX2345ABCDEF0",
            "qx2345abcdefg", "{}", "{", '{"token": 5}', '{"email": "jane@example.com"}',
        ],
    )  # fmt: skip
    def test_other_texts_are_none(self, text: str) -> None:
        assert account_of(text) is None

    @given(st.text(max_size=200))
    def test_any_text_is_an_account_or_none(self, text: str) -> None:
        account = account_of(text)
        assert account is None or account_of(account.text) == account


class TestInstruments:
    @pytest.mark.parametrize("text", [EMAIL, PAYER_ID, f" {EMAIL} "])
    def test_a_recipient_is_an_address_or_an_id(self, text: str) -> None:
        named = RECIPIENT.read(AccountIn(paypal_account=text), "/payment_method")
        assert named.secret == text.strip()
        assert EMAIL not in json.dumps(dict(named.public))

    @pytest.mark.parametrize("text", ["jane", '{"token": "8kk8451t"}'])
    def test_another_text_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidCommand) as refusal:
            RECIPIENT.read(AccountIn(paypal_account=text), "/payment_method")
        assert refusal.value.pointer == "/payment_method/paypal_account"

    def test_a_payer_need_not_be_named(self) -> None:
        assert PAYER.is_optional
        assert PAYER.read(AccountIn(), "/payment_method").secret == ""
        assert PAYER.read(AccountIn(paypal_account=EMAIL), "/payment_method").secret == EMAIL

    def test_both_are_named_in_the_same_way(self) -> None:
        """The API has one set of fields for all kinds of one name."""
        assert PAYER.kind == RECIPIENT.kind
        assert PAYER.accepts is RECIPIENT.accepts

    @pytest.mark.parametrize(
        ("fields", "secret"),
        [({"return_url": "https://shop.example/a"}, ""), ({"paypal_account": EMAIL}, EMAIL)],
    )
    def test_saving_takes_an_address_or_an_approval(
        self, fields: dict[str, Any], secret: str
    ) -> None:
        assert PAYER.saving is not None
        for kind in (PAYER, RECIPIENT):
            assert RECIPIENT.read(AccountToSave(**fields), "").secret == secret, kind

    def test_an_approval_needs_an_address_to_return_to(self) -> None:
        with pytest.raises(InvalidCommand) as refusal:
            RECIPIENT.read(AccountToSave(), "")
        assert refusal.value.pointer == "/return_url"
