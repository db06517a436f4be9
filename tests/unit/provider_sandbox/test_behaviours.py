"""The table of virtual phones: complete, without clashes, and the same in the documentation."""

import re
from pathlib import Path

import pytest

from provider_sandbox.daraja.behaviours import BEHAVIOURS, BY_SUFFIX
from provider_sandbox.daraja.codes import result_text, stk_callback_text, stk_query_text
from provider_sandbox.daraja.phones import behaviour_of
from provider_sandbox.faults import Kind
from provider_sandbox.momo.behaviours import BEHAVIOURS as MOMO_BEHAVIOURS
from provider_sandbox.momo.behaviours import BY_SUFFIX as MOMO_BY_SUFFIX
from provider_sandbox.paypal.operations import ROUTES as PAYPAL_ROUTES
from provider_sandbox.paypal.payers import PAYERS, RECEIVERS
from provider_sandbox.settings import Settings
from provider_sandbox.stripe.cards import TOKENS
from provider_sandbox.stripe.operations import ROUTES
from provider_sandbox.vodacom.behaviours import BY_SUFFIX as TANZANIA
from provider_sandbox.vodacom.behaviours import SANDBOX_NUMBERS
from provider_sandbox.vodacom.faults import OPERATIONS as VODACOM_OPERATIONS
from provider_sandbox.webhook_sender import CallbackMode, delays_s, is_loopback

DOCUMENT = Path(__file__).parents[3] / "docs" / "provider-sandbox.md"


def settings(**over: object) -> Settings:
    """Settings with made-up secrets."""
    secrets = dict.fromkeys(
        ("consumer_key", "consumer_secret", "passkey", "initiator_password"), "x"
    )
    return Settings(**{**secrets, **over})


class TestTable:
    def test_suffixes_are_three_digits_and_each_means_one_thing(self) -> None:
        named = [row.suffix for row in BEHAVIOURS.values() if row.suffix is not None]
        assert len(named) == len(set(named)) == len(BY_SUFFIX) == len(BEHAVIOURS) - 1
        assert all(re.fullmatch(r"\d{3}", suffix) for suffix in named)

    def test_stands_in_the_documentation(self) -> None:
        rows = re.findall(r"^\| `(\d{3})` \| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
        assert dict(rows) == {suffix: row.name for suffix, row in BY_SUFFIX.items()}

    def test_those_of_mtn_stand_there_too(self) -> None:
        row_form = re.compile(r"^\| `…(\d{3})` \| `(\w+)` \| (.+) \|$", re.MULTILINE)
        rows = row_form.findall(DOCUMENT.read_text())
        known = [(suffix, row.name, row.summary) for suffix, row in MOMO_BY_SUFFIX.items()]
        assert rows == known
        assert len(known) == len(MOMO_BEHAVIOURS) - 1

    @pytest.mark.parametrize("name", sorted(BEHAVIOURS))
    def test_every_result_has_its_texts(self, name: str) -> None:
        row = BEHAVIOURS[name]
        assert stk_callback_text(row.stk_code)
        assert stk_query_text(row.stk_code)
        assert result_text(row.payout_code)

    def test_tanzanias_phones_stand_there_too(self) -> None:
        rows = re.findall(r"^\| `255…(\d{3})` \| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
        assert dict(rows) == {suffix: row.name for suffix, row in TANZANIA.items()}
        words = set(re.findall(r"`([\w.]+)`", DOCUMENT.read_text()))
        assert {operation.name for operation in VODACOM_OPERATIONS.values()} <= words
        assert set(SANDBOX_NUMBERS) <= words

    def test_settings_and_faults_stand_in_the_documentation(self) -> None:
        words = set(re.findall(r"`([\w.]+)`", DOCUMENT.read_text()))
        assert {name.upper() for name in Settings.model_fields} <= words
        assert {kind.value for kind in Kind} <= words

    def test_stripes_cards_and_operations_stand_there_too(self) -> None:
        words = set(re.findall(r"`([\w.]+)`", DOCUMENT.read_text()))
        assert {token.removeprefix("pm_card_") for token in TOKENS} <= words
        for route in ROUTES:
            assert route.name in words or f".{route.name.rsplit('.', 1)[1]}" in words

    def test_paypals_people_and_operations_stand_there_too(self) -> None:
        words = set(re.findall(r"`([\w.-]+)`", DOCUMENT.read_text()))
        assert set(PAYERS) | set(RECEIVERS) <= words
        for route in PAYPAL_ROUTES:
            assert route.name in words or f".{route.name.rsplit('.', 1)[1]}" in words


class TestChoice:
    @pytest.mark.parametrize(
        ("msisdn", "chosen", "over", "name"),
        [
            ("254712345678", None, {}, "pays"),
            ("254712345032", None, {}, "cancels"),
            ("254112345032", None, {}, "cancels"),
            ("254712345032", "no_money", {}, "no_money"),
            ("254712345032", None, {"suffix_behaviours": False}, "pays"),
            ("254708374149", None, {}, "pays"),
            ("254708374149", None, {"public_test_phone": "times_out"}, "times_out"),
        ],
    )
    def test_by_hand_then_test_phone_then_suffix(
        self, msisdn: str, chosen: str | None, over: dict[str, object], name: str
    ) -> None:
        assert behaviour_of(msisdn, chosen=chosen, settings=settings(**over)).name == name

    def test_an_unknown_name_is_refused_at_the_start(self) -> None:
        with pytest.raises(ValueError, match="unknown behaviour"):
            settings(public_test_phone="dances")


class TestDelays:
    @pytest.mark.parametrize(
        ("mode", "delays"),
        [
            (CallbackMode.ONCE, [1]),
            (CallbackMode.LOST, []),
            (CallbackMode.TWICE, [1, 3]),
            (CallbackMode.LATE, [163]),
            (CallbackMode.OUT_OF_ORDER, [21]),
            (CallbackMode.FORGED, [1]),
        ],
    )
    def test_of_each_mode(self, mode: CallbackMode, delays: list[float]) -> None:
        assert delays_s(mode, usual_s=1, age_s=17) == delays


class TestLoopback:
    @pytest.mark.parametrize(
        ("url", "inside"),
        [
            ("http://127.0.0.1:80/x", True),
            ("http://127.9.9.9/x", True),
            ("http://[::1]:8080/x", True),
            ("http://localhost/x", True),
            ("http://10.0.0.1/x", False),
            ("http://example.com/x", False),
            ("http://127.0.0.1.example.com/x", False),
            ("http://127.0.0.1@example.com/x", False),
            ("nothing", False),
        ],
    )
    def test_only_this_machine(self, url: str, inside: bool) -> None:
        assert is_loopback(url) is inside
