"""Phone numbers of Uganda and Rwanda, in the form that MTN accepts: digits with country code."""

import re
from collections.abc import Callable

from cift_shared.errors import InvalidCommand
from momo_method.countries import RWANDA, UGANDA, Country

_SEPARATORS = re.compile(r"[ \-().]")
# Numbers move between operators: MTN itself says whether a number has a wallet, not its prefix.
_NATIONAL = {UGANDA.code: r"[37][0-9]{8}", RWANDA.code: r"7[2389][0-9]{7}"}


def normaliser(country: Country) -> Callable[[str, str, str], str]:
    """What makes the canonical number of a phone in this country.

    The function raises `InvalidCommand`: not a mobile number of the country, or another country.
    """
    code = country.calling_code
    number = re.compile(rf"(?:\+{code}|00{code}|{code}|0)?({_NATIONAL[country.code]})")

    def normalised(phone: str, where: str, pointer: str = "") -> str:
        if where != country.code:
            raise InvalidCommand(
                "country_unsupported", f"available: {country.code}", pointer=f"{pointer}/country"
            )
        match = number.fullmatch(_SEPARATORS.sub("", phone))
        if match is None:
            raise InvalidCommand(
                "phone_invalid",
                f"not a mobile number of {country.name}",
                pointer=f"{pointer}/phone",
            )
        return code + match.group(1)

    return normalised


def is_msisdn(number: str, country: Country) -> bool:
    """True for a mobile number of the country in canonical form."""
    return (
        re.fullmatch(rf"{country.calling_code}{_NATIONAL[country.code]}", number, re.ASCII)
        is not None
    )
