"""Phone numbers: read in the spellings that people use, by Google's numbering metadata.

The metadata says which country a number is of. Which numbers are mobile is a rule of the rail
(`PhonePlan.mobile`): a number keeps its digits when it moves to another network operator, and new
ranges are in use before the metadata knows them, so no number is refused for its operator.
"""

import re
from dataclasses import dataclass

import phonenumbers

from cift_shared.errors import InvalidCommand
from cift_shared.rails.registry import rails

_SEPARATORS = re.compile(r"[ \-().]")
_DIGITS = re.compile(r"(?:\+|00)?[0-9]{6,15}")
_NATIONAL_MAX = 10
"""Digits of the longest national number, with its leading zero, where rails of phones exist."""


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """The mobile numbers of one country."""

    country: str
    """ISO 3166 alpha-2."""
    mobile: re.Pattern[str]
    """Matches the digits of a mobile number after the country code."""

    def normalised(self, phone: str, country: str, pointer: str = "") -> str:
        """The canonical number: country code and national digits, without a plus.

        Args:
            phone: as the caller wrote it; spaces, dashes, dots and brackets are allowed.
            country: ISO 3166 alpha-2 country of the wallet.
            pointer: JSON Pointer of the object that contains both.

        Raises:
            InvalidCommand: not a mobile number of the plan's country, or another country.
        """
        if country != self.country:
            raise InvalidCommand(
                "country_unsupported", f"available: {self.country}", pointer=f"{pointer}/country"
            )
        number = _parsed(phone, self.country)
        if number is None:
            raise _invalid(f"not a mobile number of {self.country}", pointer)
        found = _region(number)
        if found != self.country:
            detail = f"a number of {found}, not of {self.country}{_served_by(found)}"
            raise _invalid(detail, pointer)
        if not self.mobile.fullmatch(str(number.national_number)):
            raise _invalid(f"not a mobile number of {self.country}", pointer)
        return f"{number.country_code}{number.national_number}"


def country_of_number(phone: str) -> str | None:
    """The country that a number in international form is of; None for any other text.

    International form: "+" or "00" and the country code, or the country code alone if the text is
    longer than a national number.
    """
    number = _parsed(phone, None)
    return None if number is None else _region(number)


def _parsed(phone: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """A number in international form, or a national one of `country`; None: it is neither."""
    digits = _SEPARATORS.sub("", phone)
    if not _DIGITS.fullmatch(digits):
        return None
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif len(digits) > _NATIONAL_MAX and not digits.startswith(("+", "0")):
        digits = "+" + digits
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    written = f"+{number.country_code}{number.national_number}"
    # The library skips a national zero after the country code; networks do not accept it there.
    return number if digits == written or not digits.startswith("+") else None


def _region(number: phonenumbers.PhoneNumber) -> str:
    """ISO 3166 alpha-2; of several countries with one code, the largest."""
    return phonenumbers.region_code_for_country_code(number.country_code or 0)


def _invalid(detail: str, pointer: str) -> InvalidCommand:
    return InvalidCommand("phone_invalid", detail, pointer=f"{pointer}/phone")


def _served_by(country: str) -> str:
    """The end of a refusal: how numbers of a country are paid, if a rail serves it."""
    found = [rail for rail in rails().values() if country in rail.countries]
    offers = [f"{rail.method} with {', '.join(sorted(rail.currencies))}" for rail in found]
    return f"; {country} is served by {', '.join(offers)}" if offers else ""
