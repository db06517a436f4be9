"""Which units a process serves: those of the rails that are set up."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cift_shared.errors import SettingsInvalid
from cift_shared.observability.log import get_logger
from cift_shared.runtime.service import Unit

MakeUnit = Callable[..., Unit | None]
"""Makes the unit of a rail; None if nothing of the rail is set up."""

log = get_logger()


def served_units(
    makers: Mapping[str, tuple[MakeUnit, Sequence[str]]], *arguments: Any, **named: Any
) -> list[Unit]:
    """The units of the rails that are set up; logs each rail that is not.

    Args:
        makers: by rail, what makes its unit, and the variables without which it is not served.
        arguments: what each maker is called with.
        named: the same, by name.

    Raises:
        SettingsInvalid: no rail is set up, or one only in part.
    """
    units = []
    for rail, (make, needs) in makers.items():
        unit = make(*arguments, **named)
        if unit is None:
            log.info("rail.not_served", rail=rail, needs=needs)
        else:
            units.append(unit)
    if not units:
        wanted = "; or ".join(", ".join(needs) for _, needs in makers.values())
        raise SettingsInvalid(f"no rail is set up; set {wanted}")
    return units
