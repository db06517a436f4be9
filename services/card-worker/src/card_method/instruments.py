"""Cards: the provider's id of a card, which the payer's client gets from the provider."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cift_shared.rails.instruments import Given, InstrumentKind, Named, Public, Saving, Shown
from cift_shared.rails.return_url import ReturnUrl

UNKNOWN = "card"
"""What is shown of a card before its details are known."""

CardToken = Annotated[
    str,
    StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,250}$"),
    Field(examples=["pm_1QaBcDeFgHiJkLmN"]),
]


class CardIn(Given):
    """A card that the payer's client has entered at the provider."""

    token: CardToken | None = None
    """The provider's id of a card, `pm_...`: the payer's client gets it from the provider."""


class CardToSave(CardIn):
    """A card to save."""

    return_url: ReturnUrl | None = None
    """Where the customer's browser goes after a step at the provider's page."""


class CardOut(Shown):
    """A card: what may be shown of it, null before the provider has reported it."""

    kind: Literal["card"]
    """Says that this is a card."""
    brand: str | None = Field(examples=["visa"])
    """The brand as the provider names it."""
    last4: str | None = Field(examples=["4242"])
    """The last four digits."""
    exp_month: int | None = Field(examples=[12])
    """The month in which the card expires, 1 to 12."""
    exp_year: int | None = Field(examples=[2030])
    """The year in which the card expires."""


_NOTHING_KNOWN: Public = dict.fromkeys(("brand", "last4", "exp_month", "exp_year"))


def _read(given: CardIn, _pointer: str) -> Named:
    return Named(given.token or "", _NOTHING_KNOWN)


def _display(public: Public) -> str:
    return f"{public['brand']} ****{public['last4']}" if public.get("brand") else UNKNOWN


def _before_public(stored: Mapping[str, Any]) -> Public:
    return stored.get("card") or _NOTHING_KNOWN


CARDS = InstrumentKind(
    kind="card",
    accepts=CardIn,
    chosen_by="token",
    wanted="Either a token or the id of a saved one.",
    read=_read,
    shows=CardOut,
    display=_display,
    before_public=_before_public,
    saving=Saving(
        at_provider=True,
        accepts=CardToSave,
        required=None,
        refused="A card has no phone.",
        example=(
            "card",
            "A card that is still to be entered",
            {"method": "card", "customer_id": "c_42", "return_url": "https://shop.example/cards"},
        ),
        unverified="Verified once the provider has confirmed the card.",
        verified="Confirmed by the provider on {at}.",
        off_session=True,
    ),
)
