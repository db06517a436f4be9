"""The instrument of an Ethereum withdrawal: the address that is paid."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import Given, InstrumentKind, Named, Public, Shown
from ethereum_method.address_text import CHARS, is_address, shortened
from ethereum_method.instruments import DISPLAY

ADDRESS_KIND = "ethereum_address"
"""Also the context that the address is sealed for."""


class EthereumAddressIn(Given):
    """An Ethereum address to pay to."""

    ethereum_address: str | None = Field(
        default=None,
        min_length=1,
        max_length=CHARS,
        examples=["0x9858EfFD232B4033E47d90003D41EC34EcaEda94"],
    )
    """The address; if it has letters of both cases, they must be its checksum (EIP-55)."""


class EthereumAddressOut(Shown):
    """An Ethereum address, shortened."""

    kind: Literal["ethereum_address"]
    """The kind of instrument: an address of the Ethereum network."""
    address: str | None = Field(examples=["0x9858Ef…aEda94"])
    """The beginning and the end of the address."""


def _read(given: EthereumAddressIn, pointer: str) -> Named:
    text = given.ethereum_address or ""
    if not is_address(text):
        raise InvalidCommand(
            "payment_method_invalid",
            "This is not an Ethereum address: a letter is missing or wrong.",
            pointer=f"{pointer}/ethereum_address",
        )
    return Named(text, {"address": shortened(text)})


def _display(public: Public) -> str:
    return str(public.get("address") or DISPLAY)


def _before_public(_stored: Mapping[str, Any]) -> Public:
    return {"address": None}


RECIPIENT = InstrumentKind(
    kind=ADDRESS_KIND,
    accepts=EthereumAddressIn,
    chosen_by="ethereum_address",
    wanted="A withdrawal by Ethereum names the address that is paid.",
    read=_read,
    shows=EthereumAddressOut,
    display=_display,
    before_public=_before_public,
)
"""The recipient of a withdrawal."""
