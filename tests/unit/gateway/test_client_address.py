"""The client's address is read from the end of X-Forwarded-For that our proxies write."""

from ipaddress import ip_address, ip_network

import pytest
from starlette.requests import Request

from cift_shared.networks import is_listed
from gateway.http.client_address import source_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def request(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.1", [], "203.0.113.1"),
        ("203.0.113.1", ["196.201.212.69"], "203.0.113.1"),
        ("10.0.0.1", ["196.201.212.69"], "196.201.212.69"),
        ("10.0.0.1", ["196.201.212.69, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5, 10.0.0.7, 10.0.0.8"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5", "10.0.0.7"], "203.0.113.5"),
        ("10.0.0.1", ["garbage, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", ["196.201.212.69," + "10.0.0.2," * 40 + "10.0.0.3"], "10.0.0.2"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["196.201.212.69"], "196.201.212.69"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    peer: str, forwarded: list[str], source: str
) -> None:
    assert source_address(request(peer, *forwarded), PROXIES) == ip_address(source)


@pytest.mark.parametrize("peer", [None, "testclient", ""])
def test_a_connection_without_an_address_has_no_client_address(peer: str | None) -> None:
    assert source_address(request(peer), PROXIES) is None
    assert not is_listed(None, PROXIES)
