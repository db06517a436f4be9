"""The instruments of Bitcoin: a deposit names none, a withdrawal names the address that is paid."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bitcoin_method.address_text import CHARS_MAX, is_address, shortened
from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import NO_FIELDS, Given, InstrumentKind, Named, Public, Shown

KIND = "bitcoin"
ADDRESS_KIND = "bitcoin_address"
"""Also the context that the address is sealed for."""
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


class BitcoinAddressIn(Given):
    """A Bitcoin address to pay to."""

    bitcoin_address: str | None = Field(
        default=None,
        min_length=1,
        max_length=CHARS_MAX,
        examples=["bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"],
    )
    """The address, of the network that the platform uses."""


class BitcoinAddressOut(Shown):
    """A Bitcoin address, shortened."""

    kind: Literal["bitcoin_address"]
    """The kind of instrument: an address of the Bitcoin network."""
    address: str | None = Field(examples=["bc1qcr8t…306fyu"])
    """The beginning and the end of the address."""


def _read_address(given: BitcoinAddressIn, pointer: str) -> Named:
    text = (given.bitcoin_address or "").strip()
    if not is_address(text):
        raise InvalidCommand(
            "payment_method_invalid",
            "This is not a Bitcoin address: a letter is missing or wrong.",
            pointer=f"{pointer}/bitcoin_address",
        )
    return Named(text, {"address": shortened(text)})


def _display_address(public: Public) -> str:
    return str(public.get("address") or DISPLAY)


def _address_before_public(_stored: Mapping[str, Any]) -> Public:
    return {"address": None}


RECIPIENT = InstrumentKind(
    kind=ADDRESS_KIND,
    accepts=BitcoinAddressIn,
    chosen_by="bitcoin_address",
    wanted="A withdrawal by Bitcoin names the address that is paid.",
    read=_read_address,
    shows=BitcoinAddressOut,
    display=_display_address,
    before_public=_address_before_public,
)
"""The recipient of a withdrawal."""
