"""What is shown of a stored instrument, and the fields that several rails share."""

from typing import Literal

import pytest
from pydantic import Field

from card_method.instruments import CARDS
from cift_shared.errors import SettingsInvalid
from cift_shared.rails.instruments import Given, merge_fields
from cift_shared.rails.phones import PhoneIn
from mpesa_method.instruments import PHONES

VISA = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
UNKNOWN = dict.fromkeys(VISA)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({"public": VISA, "card": None}, VISA),
        ({"public": None, "card": VISA}, VISA),
        ({"card": VISA}, VISA),
        ({"public": {**VISA, "iin": "424242"}}, VISA),
        ({"public": {"brand": "visa"}}, {**UNKNOWN, "brand": "visa"}),
        ({"public": UNKNOWN}, UNKNOWN),
        ({"public": None, "card": None}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_what_is_shown_of_a_stored_card(stored: dict[str, object], shown: object) -> None:
    assert CARDS.public_of(stored) == shown


@pytest.mark.parametrize("public", [None, {"phone": "2547****678", "country": "KE"}])
def test_what_is_shown_of_a_stored_phone(public: object) -> None:
    stored = {"public": public, "display": "2547****678", "country": "KE"}
    assert PHONES.public_of(stored) == {"phone": "2547****678", "country": "KE"}


def test_a_phone_is_read_and_masked() -> None:
    named = PHONES.read(PhoneIn(phone="0712 345 678"), "")
    assert (named.secret, named.country) == ("254712345678", "KE")
    assert named.public == {"phone": "2547****678", "country": "KE"}
    assert PHONES.display(named.public) == "2547****678"


@pytest.mark.parametrize(("public", "display"), [(VISA, "visa ****4242"), (UNKNOWN, "card")])
def test_a_card_has_a_short_text(public: dict[str, str | int | None], display: str) -> None:
    assert CARDS.display(public) == display


def test_a_card_is_unknown_until_its_provider_reports_it() -> None:
    named = CARDS.read(CARDS.accepts.model_validate({"token": "pm_1"}), "")
    assert (named.secret, named.country, named.public) == ("pm_1", None, UNKNOWN)


class Wallet(Given):
    """A wallet that is found by an address."""

    email: str | None = Field(default=None, max_length=80)
    country: Literal["KE"] | None = None


class OtherWallet(Given):
    """Another wallet that is found by an address."""

    email: str | None = Field(default=None, max_length=99)


def test_fields_of_several_rails_are_those_of_all_of_them() -> None:
    merged = merge_fields([CARDS.accepts, PhoneIn, PhoneIn])
    assert set(merged) == {"token", "phone", "country"}


@pytest.mark.parametrize("other", [OtherWallet, PhoneIn])
def test_one_field_can_have_one_meaning_only(other: type[Given]) -> None:
    with pytest.raises(SettingsInvalid, match=r"two rails define the field '(email|country)'"):
        merge_fields([Wallet, other])
