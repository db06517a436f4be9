"""Instruments in messages: a phone, a card, or whatever else a rail takes money from."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class CardDetails(BaseModel):
    """A card in messages of earlier releases."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    brand: str
    """As the provider names it: visa, mastercard."""
    last4: str = Field(pattern=r"^[0-9]{4}$")
    exp_month: int = Field(ge=1, le=12)
    exp_year: int = Field(ge=2000, le=2199)


class ShownInstrument(BaseModel):
    """The part of an instrument that may be shown.

    Earlier releases know cards only, and name this part `card`. Both fields are read and written,
    so that releases can be mixed during an upgrade or a rollback.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    public: dict[str, str | int | None] | None = None
    """The fields of the instrument that may be shown, named as in the API."""
    card: CardDetails | None = None
    """Deprecated: `public`, where it describes a card."""

    @model_validator(mode="before")
    @classmethod
    def _in_both_forms(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        public, card = given.get("public"), given.get("card")
        if public is None and isinstance(card, CardDetails):
            return {**given, "public": card.model_dump()}
        if public is None and _is_card(card):
            return {**given, "public": card}
        if card is None and _is_card(public):
            return {**given, "card": public}
        return given


def _is_card(shown: object) -> bool:
    # Most instruments fail here; comparing names costs less than a failed validation.
    if not isinstance(shown, Mapping) or not CardDetails.model_fields.keys() <= shown.keys():
        return False
    try:
        CardDetails.model_validate(shown)
    except ValidationError:
        return False
    return True


class Instrument(ShownInstrument):
    """The source or destination of the money, with the data that the worker needs."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", examples=["phone"])
    """The kind of instrument; also the context that it is sealed for."""
    display: str
    """Masked text for display: 2547****149."""
    sealed: str
    """The instrument itself, sealed: a phone number, or the provider's id. Empty if the rail needs
    no instrument."""
    country: str | None = None
    """ISO 3166 alpha-2 country of a wallet."""
    customer_sealed: str | None = None
    """The provider's id of the customer who owns a saved instrument, sealed in the same way."""
