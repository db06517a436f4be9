"""IP networks: parse them from settings, and check whether they contain an address."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """Comma separated addresses or CIDR ranges.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_listed(address: Address | None, listed: Sequence[Network]) -> bool:
    """True when one of the networks contains the address."""
    return address is not None and any(address in network for network in listed)


def _from_text(value: object) -> object:
    return networks(value) if isinstance(value, str) else value


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_from_text)]
"""A setting: comma separated addresses or CIDR ranges."""
