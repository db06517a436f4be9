"""The installed rails, found by the entry point group `cift.rails`."""

from collections.abc import Iterable, Mapping
from functools import cache

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.rails.entries import load_entries, of_kind
from cift_shared.rails.rail import Rail, Refusal

GROUP = "cift.rails"


@cache
def rails() -> Mapping[str, Rail]:
    """The installed rails by name, in alphabetical order; read once per process.

    Raises:
        SettingsInvalid: an entry point is not a rail, or two rails share a name or a method.
    """
    return by_name(rail for _, rail in load_entries(GROUP, Rail))


def by_name(found: Iterable[object]) -> Mapping[str, Rail]:
    """Rails by name, in alphabetical order.

    Raises:
        SettingsInvalid: one is not a rail, or two share a name or a method.
    """
    known: dict[str, Rail] = {}
    for one in found:
        rail = of_kind(one, GROUP, Rail)
        if rail.name in known:
            raise SettingsInvalid(f"{GROUP}: two rails are named {rail.name!r}")
        if rail.method in (other.method for other in known.values()):
            raise SettingsInvalid(f"{GROUP}: two rails serve the method {rail.method!r}")
        known[rail.name] = rail
    return dict(sorted(known.items()))


def methods() -> list[str]:
    """The methods that a payment can name, in alphabetical order."""
    return sorted(rail.method for rail in rails().values())


def rail_refusals() -> Mapping[str, Refusal]:
    """The operations that installed rails do not offer, by the code of the problem."""
    return {
        rail.refusal_code(operation): refusal
        for rail in rails().values()
        for operation, refusal in rail.refusals.items()
    }


def example_rail() -> Rail:
    """The rail that documents take for their examples: the last by name."""
    return list(rails().values())[-1]


def rail_of(method: object) -> Rail:
    """The rail behind a method of the API.

    Raises:
        InvalidCommand: no installed rail serves it.
    """
    for rail in rails().values():
        if rail.method == method:
            return rail
    raise InvalidCommand(
        "method_unavailable", f"available: {', '.join(methods())}", pointer="/method"
    )
