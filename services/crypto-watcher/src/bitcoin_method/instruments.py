"""The instrument of a Bitcoin deposit: none is named, because the payer sends from any wallet."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.rails.instruments import NO_FIELDS, Given, InstrumentKind, Named, Public, Shown

KIND = "bitcoin"
DISPLAY = "bitcoin"
PUBLIC: Public = {"network": "bitcoin"}


class BitcoinOut(Shown):
    """A payment over the Bitcoin network."""

    kind: Literal["bitcoin"]
    """The kind of instrument: the Bitcoin network."""
    network: str | None = Field(examples=["bitcoin"])
    """The network that the payment uses."""


def _read(_given: Given, _pointer: str) -> Named:
    return Named("", PUBLIC)


def _display(_public: Public) -> str:
    return DISPLAY


def _before_public(_stored: Mapping[str, Any]) -> Public:
    return PUBLIC


PAYER = InstrumentKind(
    kind=KIND,
    accepts=NO_FIELDS,
    chosen_by=None,
    wanted="A deposit by Bitcoin names no payment method: the answer has the address to pay to.",
    read=_read,
    shows=BitcoinOut,
    display=_display,
    before_public=_before_public,
)
"""The payer of a deposit."""
