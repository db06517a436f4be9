"""The address that a request comes from; only our own proxies are trusted to report it."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from cift_shared.networks import Address, Network, is_listed

HOPS_MAX = 20
UNKNOWN = "unknown"


def source_address(request: Request, trusted_proxies: Sequence[Network]) -> Address | None:
    """The first address, counted from our side, that is not one of our proxies.

    X-Forwarded-For is read from right to left, and only as far as our proxies wrote it: a client
    can write any addresses further left, so they are ignored.
    """
    address = _address(request.client.host if request.client else "")
    header = ",".join(request.headers.getlist("x-forwarded-for"))
    for hop in reversed(header.split(",")[-HOPS_MAX:]):
        if address is None or not is_listed(address, trusted_proxies):
            return address
        address = _address(hop.strip()) or address
    return address


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
