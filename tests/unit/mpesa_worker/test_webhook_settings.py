"""Where genuine notices of M-Pesa come from."""

from ipaddress import ip_address

import pytest

from cift_shared.networks import is_listed
from mpesa_method.settings import SOURCES, MpesaSettings


def test_the_list_of_integrators_is_the_default_and_a_setting() -> None:
    usual = MpesaSettings()
    assert len(usual.sources) == len(SOURCES.split(",")) == 14
    assert is_listed(ip_address("196.201.214.208"), usual.sources)
    assert not is_listed(ip_address("196.201.214.209"), usual.sources)
    other = MpesaSettings(sources="192.0.2.0/24, 198.51.100.7")
    assert is_listed(ip_address("192.0.2.9"), other.sources)


@pytest.mark.parametrize(
    ("livemode", "wish", "enforced"),
    [(False, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_sources_are_enforced_in_live_mode(
    livemode: bool, wish: bool | None, enforced: bool
) -> None:
    settings = MpesaSettings(enforce_sources=wish)
    assert settings.is_enforced(livemode=livemode) is enforced
