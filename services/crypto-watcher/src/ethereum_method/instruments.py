"""The instrument of an Ethereum deposit: none is named, because the payer sends from any wallet."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.rails.instruments import NO_FIELDS, Given, InstrumentKind, Named, Public, Shown

KIND = "ethereum"
DISPLAY = "ethereum"
PUBLIC: Public = {"network": "ethereum"}


class EthereumOut(Shown):
    """A payment over the Ethereum network."""

    kind: Literal["ethereum"]
    """The kind of instrument: the Ethereum network."""
    network: str | None = Field(examples=["ethereum"])
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
    wanted="A deposit by Ethereum names no payment method: the answer has the address to pay to.",
    read=_read,
    shows=EthereumOut,
    display=_display,
    before_public=_before_public,
)
"""The payer of a deposit."""
