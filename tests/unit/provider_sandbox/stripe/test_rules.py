"""Form encoding, amounts, cards, ids and signatures."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from provider_sandbox.store import Store
from provider_sandbox.stripe import cards, events, form, money
from provider_sandbox.stripe.errors import StripeError
from provider_sandbox.stripe.ids import Ids


class TestForm:
    @pytest.mark.parametrize(
        ("raw", "nested"),
        [
            ("", {}),
            ("a=1&b=2", {"a": "1", "b": "2"}),
            ("a[b]=1&a[c][d]=2", {"a": {"b": "1", "c": {"d": "2"}}}),
            ("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}),
            ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
            ("a[0][b]=1&a[0][c]=2", {"a": {"0": {"b": "1", "c": "2"}}}),
            ("m[k+1]=v%26w", {"m": {"k 1": "v&w"}}),
            ("a=", {"a": ""}),
        ],
    )
    def test_is_decoded(self, raw: str, nested: dict[str, Any]) -> None:
        assert form.decode(raw) == nested

    @pytest.mark.parametrize("raw", ["a=1&a[b]=2", "a[b]=2&a=1", "a[b]=1&a[b][c]=2"])
    def test_a_name_is_a_value_or_a_mapping(self, raw: str) -> None:
        with pytest.raises(StripeError):
            form.decode(raw)

    @given(st.text(max_size=60))
    def test_no_text_breaks_it(self, raw: str) -> None:
        with contextlib.suppress(StripeError):
            assert isinstance(form.decode(raw), dict)


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "percent", "part"),
        [(2000, "2.9", 58), (50, "2.9", 1), (51, "2.9", 1), (52, "2.9", 2), (100, "2.5", 3)],
    )
    def test_shares_are_rounded_half_up(self, amount: int, percent: str, part: int) -> None:
        assert money.share(amount, percent) == part

    @pytest.mark.parametrize(
        ("amount", "currency", "rate", "cents"),
        [
            (100_000, "kes", "0.0077", 770),
            (1000, "jpy", "0.0065", 650),
            (1000, "kwd", "3.25", 325),
            (-100_000, "kes", "0.0077", -770),
        ],
    )
    def test_is_converted_by_its_decimals(
        self, amount: int, currency: str, rate: str, cents: int
    ) -> None:
        assert money.converted(amount, currency, rate) == cents

    def test_every_minimum_is_of_a_currency_that_is_taken(self) -> None:
        for currency in money.CURRENCIES:
            money.check_amount(1_000_000, currency)


class TestCards:
    def test_the_published_numbers_are_well_formed(self) -> None:
        assert all(cards.luhn(card.number) for card in cards.TOKENS.values())
        assert not cards.luhn("4242424242424241")

    def test_a_behaviour_survives_being_kept(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "x.sqlite3")
        wanted = cards.Behaviour(decline=cards.Decline("expired_card"), challenge="always")
        cards.define(store, "pm_card_mine", wanted)
        found = cards.by_token(store, "pm_card_mine")
        store.close()
        assert found is not None
        assert found.behaviour == wanted


class TestIds:
    def test_follow_from_seed_and_order(self, tmp_path: Path) -> None:
        first, second = Store(tmp_path / "a.sqlite3"), Store(tmp_path / "b.sqlite3")
        made = [Ids(first, 1).make("pi") for _ in range(3)]
        assert made == [Ids(second, 1).make("pi") for _ in range(3)]
        assert len(set(made)) == 3
        assert Ids(second, 2).make("pi") not in made
        first.close()
        second.close()


class TestSignature:
    def test_is_the_libraries_own(self) -> None:
        body, at = '{"object": "event"}', 1_795_000_000
        theirs = stripe.WebhookSignature.generate_signature_header(body, "whsec_a", at)
        assert events.signature(["whsec_a"], body, at) == theirs

    def test_of_two_secrets(self) -> None:
        header = events.signature(["whsec_a", "whsec_b"], "{}", 1_795_000_000)
        for secret in ("whsec_a", "whsec_b"):
            assert stripe.WebhookSignature.verify_header("{}", header, secret)
