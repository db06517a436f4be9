"""Which call to MTN a callback answers: one byte of the callback path, which also says where."""

from enum import IntEnum

from momo_method.countries import Country


class Call(IntEnum):
    """Which call of the attempt MTN answers on this path; counted from `Country.calls`."""

    COLLECTION = 1
    """Result of a request to pay."""
    TRANSFER = 2
    """Result of a payout."""
    REFUND = 3
    """Result of the refund of a collection."""


def purpose(country: Country, call: Call) -> int:
    """The number of a call in the callback paths of a country."""
    return country.calls + call


def purposes(country: Country) -> frozenset[int]:
    """Every number of the callback paths of a country."""
    return frozenset(purpose(country, call) for call in Call)
