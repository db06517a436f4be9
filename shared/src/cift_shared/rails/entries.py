"""Load the objects that the rails' packages register under an entry point group."""

from importlib.metadata import entry_points
from typing import TypeVar

from cift_shared.errors import SettingsInvalid

Entry = TypeVar("Entry")


def load_entries(group: str, kind: type[Entry]) -> list[tuple[str, Entry]]:
    """Every entry of a group with its name, in alphabetical order.

    Raises:
        SettingsInvalid: an entry is not of that kind.
    """
    points = sorted(entry_points(group=group), key=lambda point: point.name)
    return [(point.name, of_kind(point.load(), group, kind)) for point in points]


def of_kind(found: object, group: str, kind: type[Entry]) -> Entry:
    """The object, which must be of that kind.

    Raises:
        SettingsInvalid: it is not.
    """
    if not isinstance(found, kind):
        raise SettingsInvalid(f"{group}: {found!r} is not a {kind.__name__}")
    return found
