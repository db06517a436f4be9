"""Where a request really comes from, as far as our own proxies can be believed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.requests import Request

from gateway.settings import Network

Address = IPv4Address | IPv6Address
HOPS_MAX = 20
UNKNOWN = "unknown"


def source_address(request: Request, trusted_proxies: Sequence[Network]) -> Address | None:
    """The first address, counted from us, that is not one of our proxies.

    X-Forwarded-For is read from right to left and only as far as our proxies wrote it: what a
    stranger put further left counts for nothing.
    """
    address = _address(request.client.host if request.client else "")
    header = ",".join(request.headers.getlist("x-forwarded-for"))
    for hop in reversed(header.split(",")[-HOPS_MAX:]):
        if address is None or not is_listed(address, trusted_proxies):
            return address
        address = _address(hop.strip()) or address
    return address


def is_listed(address: Address | None, networks: Sequence[Network]) -> bool:
    """True when the address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
