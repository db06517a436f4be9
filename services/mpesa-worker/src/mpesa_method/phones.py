"""Phone numbers of Kenya, in the canonical form that Daraja accepts."""

import re

from cift_shared.errors import InvalidCommand

COUNTRY, CALLING_CODE = "KE", "254"

_SEPARATORS = re.compile(r"[ \-().]")
# 07.., 01.., +254.., 00254.., 254.. or the bare nine digits; first of the nine is 7 or 1.
# Numbers move between network operators, so no number is refused because of a longer prefix.
_KENYAN = re.compile(r"(?:\+254|00254|254|0)?([17][0-9]{8})")


def normalised(phone: str, country: str, pointer: str = "") -> str:
    """The canonical number, "254712345678".

    Args:
        phone: as the caller wrote it; spaces, dashes, dots and brackets are allowed.
        country: ISO 3166 alpha-2 country of the wallet.
        pointer: JSON Pointer of the object that contains both.

    Raises:
        InvalidCommand: not a mobile number of that country, or a country that is not supported.
    """
    if country != COUNTRY:
        raise InvalidCommand(
            "country_unsupported", f"available: {COUNTRY}", pointer=f"{pointer}/country"
        )
    match = _KENYAN.fullmatch(_SEPARATORS.sub("", phone))
    if match is None:
        raise InvalidCommand(
            "phone_invalid", "not a Kenyan mobile number", pointer=f"{pointer}/phone"
        )
    return CALLING_CODE + match.group(1)
