"""Payment instruments of a rail: what the API accepts and shows of them, and how they are saved.

A saved instrument is stored in one of two ways: the gateway stores it sealed (a phone number), or
the provider stores it and gives us its id (a card).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cift_shared.errors import SettingsInvalid

Public = Mapping[str, str | int | None]
"""The fields of an instrument that may be shown, named as in the API; null: not known yet."""


class Given(BaseModel):
    """Base of an instrument in a request: strict types, no unknown fields."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(examples=["KE"])]


class GivenInCountry(Given):
    """Base of an instrument whose country decides between several rails of its method."""

    country: CountryCode | None = None
    """ISO 3166 alpha-2 country of the wallet; optional if the method has only one rail."""


class Shown(BaseModel):
    """Base of an instrument in a response; a subclass adds `kind` and the fields."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )


@dataclass(frozen=True, slots=True)
class Named:
    """An instrument that a request names."""

    secret: str
    """The instrument itself, as the worker needs it; it is sealed before it is stored."""
    public: Public
    country: str | None = None
    """ISO 3166 alpha-2 country of a wallet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """How instruments of a kind are saved for later payments."""

    at_provider: bool
    """True: the provider stores it, by commands to the worker. False: the gateway stores it."""
    accepts: type[Given]
    """The fields of a request to save one."""
    required: str | None
    """The field that such a request must have; None: the customer may enter it afterwards."""
    refused: str
    """The advice for a request with other fields."""
    example: tuple[str, str, Mapping[str, Any]]
    """A request to save one, for the OpenAPI document: its name, its title, its JSON."""
    unverified: str
    """How a saved instrument becomes verified."""
    verified: str
    """How it was verified; `{at}` stands for the time."""
    off_session: bool = False
    """True if a saved one can be used when the customer is absent."""


def _given_country(fields: Mapping[str, Any]) -> str | None:
    return fields.get("country")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentKind:
    """One kind of instrument; rails that use the same kind share its `shows`."""

    kind: str
    """Its name in the API; also the context that it is sealed for."""
    accepts: type[Given]
    """The fields of a request that names one; without fields if the rail needs no instrument."""
    chosen_by: str | None
    """The field that names one; None: the rail needs no instrument."""
    wanted: str
    """The advice for a request that does not name exactly one."""
    read: Callable[[Any, str], Named]
    """Reads the fields; the second argument is the JSON Pointer of the object with them.

    Raises InvalidCommand."""
    shows: type[Shown]
    display: Callable[[Public], str]
    """A short text of what may be shown, for lists and logs."""
    before_public: Callable[[Mapping[str, Any]], Public]
    """Reads what may be shown from a stored instrument that an earlier release wrote."""
    country_of: Callable[[Mapping[str, Any]], str | None] = _given_country
    """Reads the payer's country (ISO 3166 alpha-2) from the fields of a request; None: not told."""
    saving: Saving | None = None
    is_optional: bool = False
    """True if a payment may name none: the payer chooses the instrument at the provider."""

    def public_of(self, stored: Mapping[str, Any]) -> dict[str, str | int | None]:
        """What may be shown of a stored instrument; null for each field that is not known."""
        fields = [name for name in self.shows.model_fields if name != "kind"]
        known = stored.get("public") or self.before_public(stored)
        return {name: known.get(name) for name in fields}


NO_FIELDS = Given
"""`accepts` of a rail that needs no instrument."""


def merge_fields(models: list[type[Given]]) -> dict[str, Any]:
    """The fields of several models in one, as `pydantic.create_model` takes them.

    Raises:
        SettingsInvalid: two models define a field of one name differently.
    """
    merged: dict[str, Any] = {}
    for model in models:
        for name, field in model.model_fields.items():
            known = merged.setdefault(name, (field.annotation, field))
            if repr(known[1]) != repr(field):
                raise SettingsInvalid(f"cift.gateway: two rails define the field {name!r}")
    return merged
