"""Phones of mobile wallets: an instrument that several rails share.

A rail adds the number formats of its countries.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cift_shared.observability.log import mask_phone
from cift_shared.rails.instruments import (
    GivenInCountry,
    InstrumentKind,
    Named,
    Public,
    Saving,
    Shown,
)
from cift_shared.rails.phone_numbers import country_of_number

PHONE = "phone"

PhoneText = Annotated[
    str, StringConstraints(min_length=9, max_length=32), Field(examples=["0712345678"])
]

Normalise = Callable[[str, str, str], str]
"""The canonical number of a phone; arguments: the number as the caller wrote it, the country, the
JSON Pointer of the object that contains both. Raises InvalidCommand."""


class PhoneIn(GivenInCountry):
    """A phone."""

    phone: PhoneText | None = None
    """Phone of a mobile wallet: national (07..), international (+254.., 254..) or without the
    leading zero."""


class PhoneOut(Shown):
    """A phone, masked."""

    kind: Literal["phone"]
    """The kind of instrument: a phone."""
    phone: str = Field(examples=["2547****678"])
    """The number with its middle hidden."""
    country: str = Field(examples=["KE"])
    """ISO 3166 alpha-2 country of the wallet."""


def phone_kind(
    normalise: Normalise, *, home: str, example: tuple[str, str, Mapping[str, Any]]
) -> InstrumentKind:
    """The instrument kind of phones whose numbers a rail normalises.

    Args:
        normalise: reads a number.
        home: the country of a request that names none.
        example: a request to save one, for the OpenAPI document.
    """

    def read(given: PhoneIn, pointer: str) -> Named:
        country = given.country or home
        number = normalise(given.phone or "", country, pointer)
        return Named(number, {"phone": mask_phone(number), "country": country}, country)

    return InstrumentKind(
        kind=PHONE,
        accepts=PhoneIn,
        chosen_by="phone",
        wanted="Either a phone or the id of a saved one.",
        read=read,
        shows=PhoneOut,
        display=lambda public: str(public["phone"]),
        before_public=_before_public,
        country_of=_country_of,
        saving=Saving(
            at_provider=False,
            accepts=PhoneIn,
            required="phone",
            refused="This method takes a phone.",
            example=example,
            unverified=(
                "Verified by the first deposit from it that completes: its owner enters the PIN."
            ),
            verified="Confirmed by a completed deposit, seen on {at}.",
        ),
    )


def _before_public(stored: Mapping[str, Any]) -> Public:
    return {"phone": stored["display"], "country": stored["country"]}


def _country_of(fields: Mapping[str, Any]) -> str | None:
    return fields.get("country") or country_of_number(fields.get("phone") or "")
