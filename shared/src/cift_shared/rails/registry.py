"""The installed rails, found by the entry point group `cift.rails`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import EXPONENTS, known_instead
from cift_shared.rails.entries import load_entries, of_kind
from cift_shared.rails.rail import Operation, Rail, Refusal

GROUP = "cift.rails"


@cache
def rails() -> Mapping[str, Rail]:
    """The installed rails by name, in alphabetical order; read once per process.

    Raises:
        SettingsInvalid: an entry point is not a rail, two rails share a name, two rails of one
            method move the same currency in the same country, or two rails of one provider have a
            number of a callback path in common.
    """
    return by_name(rail for _, rail in load_entries(GROUP, Rail))


def by_name(found: Iterable[object]) -> Mapping[str, Rail]:
    """Rails by name, in alphabetical order.

    Raises:
        SettingsInvalid: as `rails`.
    """
    known: dict[str, Rail] = {}
    for one in found:
        rail = of_kind(one, GROUP, Rail)
        if rail.name in known:
            raise SettingsInvalid(f"{GROUP}: two rails are named {rail.name!r}")
        for other in known.values():
            if rail.competes_with(other):
                raise SettingsInvalid(
                    f"{GROUP}: {rail.name} and {other.name} serve the same payers"
                )
            if rail.shares_notices_with(other):
                raise SettingsInvalid(
                    f"{GROUP}: {rail.name} and {other.name} share numbers in the callback paths "
                    f"of {rail.provider}"
                )
        known[rail.name] = rail
    return dict(sorted(known.items()))


def methods() -> list[str]:
    """The methods that a payment can name, in alphabetical order."""
    return sorted({rail.method for rail in rails().values()})


def rail_refusals() -> Mapping[str, Refusal]:
    """The operations that installed rails do not offer, by the code of the problem."""
    return {
        rail.refusal_code(operation): refusal
        for rail in rails().values()
        for operation, refusal in rail.refusals.items()
    }


def example_rail() -> Rail:
    """The rail in the examples of the documents: the one made for it, else the last by name."""
    installed = list(rails().values())
    return next((rail for rail in installed if rail.is_example), installed[-1])


def rail_named(name: str) -> Rail:
    """The rail of a payment.

    Raises:
        InvalidCommand: it is no longer installed.
    """
    found = rails().get(name)
    if found is None:
        raise InvalidCommand(
            "method_unavailable", f"the rail {name} is not installed", pointer="/method"
        )
    return found


def rails_of(method: object) -> list[Rail]:
    """The rails behind a method of the API, by name.

    Raises:
        InvalidCommand: no installed rail serves it.
    """
    found = [rail for rail in rails().values() if rail.method == method]
    if not found:
        raise InvalidCommand(
            "method_unavailable", f"available: {', '.join(methods())}", pointer="/method"
        )
    return found


def rail_for(method: str, operation: Operation, currency: str, country: str | None) -> Rail:
    """The rail that carries a payment by a method: the one that moves its currency.

    The country (ISO 3166 alpha-2, None if not known) decides between rails of one currency.

    Raises:
        InvalidCommand: no rail of the method offers this operation or moves this currency, or the
            country is needed and fits none.
    """
    found = rails_of(method)
    offering = [rail for rail in found if operation not in rail.refusals] or found
    offering[0].check_operation(operation)
    if currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(currency), pointer="/currency")
    moving = [rail for rail in offering if currency in rail.currencies]
    if not moving:
        names = ", ".join(sorted({name for rail in offering for name in rail.currencies}))
        raise InvalidCommand(
            "currency_unsupported", f"the method {method} moves {names}", pointer="/currency"
        )
    return moving[0] if len(moving) == 1 else in_country(moving, country)


def in_country(found: Sequence[Rail], country: str | None) -> Rail:
    """The one of several rails of a method that serves a country.

    Raises:
        InvalidCommand: none does, or the country is not known.
    """
    for rail in found:
        if country is not None and rail.serves(country):
            return rail
    names = ", ".join(sorted({name for rail in found for name in rail.countries}))
    raise InvalidCommand("country_unsupported", f"available: {names}", pointer="/country")
