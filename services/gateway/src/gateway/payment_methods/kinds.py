"""The kinds of instruments of the installed rails."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from cift_shared.errors import InvariantViolated, SettingsInvalid
from cift_shared.rails.gateway import gateway_rails
from cift_shared.rails.instruments import InstrumentKind, Saving
from cift_shared.rails.rail import Rail
from gateway.problems.problem import body_problem


@cache
def kinds() -> Mapping[str, InstrumentKind]:
    """One kind of each name; all kinds of one name show their instruments in the same way.

    Raises:
        SettingsInvalid: two rails show instruments of one name differently.
    """
    found: dict[str, InstrumentKind] = {}
    for rail in gateway_rails().values():
        for kind in rail.instruments.values():
            if found.setdefault(kind.kind, kind).shows is not kind.shows:
                raise SettingsInvalid(f"cift.gateway: two rails show {kind.kind!r} differently")
    return found


def kind_for(rail: Rail, operation: str) -> InstrumentKind:
    """The kind of instrument that a payment needs; the rail offers the operation."""
    return gateway_rails()[rail.name].instruments[operation]


def kind_of(rail: str, kind: str) -> InstrumentKind | None:
    """The kind of a stored instrument, as its rail describes it.

    Returns None when the rail is not installed any more and no other rail has that kind.
    """
    installed = gateway_rails().get(rail)
    found = installed.instruments.values() if installed else ()
    return next((one for one in found if one.kind == kind), kinds().get(kind))


def saved_kind(saved: Mapping[str, Any]) -> InstrumentKind:
    """The kind of a saved method of an installed rail; no other saved method is read."""
    kind = kind_of(saved["rail"], saved["kind"])
    if kind is None:
        raise InvariantViolated(f"no rail has instruments of the kind {saved['kind']}")
    return kind


def saving_of(rail: Rail) -> tuple[InstrumentKind, Saving]:
    """The kind of instrument that a rail saves for later payments, and how it saves it.

    Raises:
        Problem: payment_method_invalid: it saves none.
    """
    for kind in gateway_rails()[rail.name].instruments.values():
        if kind.saving:
            return kind, kind.saving
    raise body_problem("payment_method_invalid", "This method saves no instruments.", "/method")


def savings() -> Sequence[Saving]:
    """How each kind is saved, for the kinds that can be saved."""
    return [kind.saving for kind in kinds().values() if kind.saving]


def off_session_kinds() -> str:
    """The kinds that can be used when the customer is absent, for error messages."""
    return " or ".join(
        name for name, kind in kinds().items() if kind.saving and kind.saving.off_session
    )
