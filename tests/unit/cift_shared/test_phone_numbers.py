"""A phone number is read in each spelling, and its country is known by its country code."""

import re

import pytest

from cift_shared.errors import InvalidCommand
from cift_shared.rails.phone_numbers import PhonePlan, country_of_number
from cift_shared.rails.phones import phone_kind

TANZANIA = PhonePlan(country="TZ", mobile=re.compile(r"[67][0-9]{8}"))
KIND = phone_kind(TANZANIA.normalised, home="TZ", example=("phone", "A phone", {}))


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("+254712345678", "KE"),
        ("254712345678", "KE"),
        ("00254 712 345 678", "KE"),
        ("+255 (0)712 345 678", None),
        ("+255-712-345-678", "TZ"),
        ("256772123456", "UG"),
        ("+250782123456", "RW"),
        ("+44 7911 123456", "GB"),
        ("+255999999999", "TZ"),
        ("0712345678", None),
        ("712345678", None),
        ("2547123456", None),
        ("14155552671", "US"),
        ("+999712345678", None),
        ("", None),
        ("+", None),
        ("+254FLOWERS", None),
        ("+254712345678;ext=1", None),
        ("+2547123456789012", None),
        ("+25471234567890123456789", None),
    ],
)
def test_the_country_of_a_number_in_international_form(written: str, country: str | None) -> None:
    assert country_of_number(written) == country


@pytest.mark.parametrize(
    "written",
    ["0712345678", "712345678", "255712345678", "+255712345678", "00255 712-345-678"],
)
def test_each_spelling_becomes_one_number(written: str) -> None:
    assert TANZANIA.normalised(written, "TZ") == "255712345678"


def test_a_national_number_with_its_zero_may_be_longer_than_those_of_our_countries() -> None:
    britain = PhonePlan(country="GB", mobile=re.compile(r"7[0-9]{9}"))
    assert britain.normalised("07911 123456", "GB") == "447911123456"


@pytest.mark.parametrize("written", ["0222345678", "07123456", "07123456789", "+2550712345678"])
def test_a_number_that_is_not_mobile_is_refused(written: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        TANZANIA.normalised(written, "TZ", "/payment_method")
    assert (refused.value.code, refused.value.pointer) == ("phone_invalid", "/payment_method/phone")
    assert str(refused.value) == "not a mobile number of TZ"


def test_the_refusal_of_a_foreign_number_names_the_method_that_serves_its_country() -> None:
    with pytest.raises(InvalidCommand) as refused:
        TANZANIA.normalised("+254712345678", "TZ")
    assert str(refused.value) == "a number of KE, not of TZ; KE is served by mpesa with KES"


def test_the_refusal_of_a_number_that_no_rail_serves_names_its_country() -> None:
    with pytest.raises(InvalidCommand) as refused:
        TANZANIA.normalised("+998901234567", "TZ")
    assert str(refused.value).startswith("a number of UZ, not of TZ")


@pytest.mark.parametrize(
    ("fields", "country"),
    [
        ({"phone": "+254712345678"}, "KE"),
        ({"phone": "+254712345678", "country": "TZ"}, "TZ"),
        ({"phone": "0712345678"}, None),
        ({"phone": None}, None),
        ({"id": "pm_1"}, None),
    ],
)
def test_a_phone_tells_the_country_of_its_payer(
    fields: dict[str, str | None], country: str | None
) -> None:
    assert KIND.country_of(fields) == country
