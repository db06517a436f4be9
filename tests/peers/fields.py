"""Which fields another's answer shows and ours lacks, by the object they belong to."""

from collections.abc import Iterator
from typing import Any

Field = tuple[str, str]
"""Kind of the object, and the field's path in it: ``("charge", "outcome.rule")``."""


def lacking(theirs: Any, ours: Any, kind: str = "", path: str = "") -> Iterator[Field]:
    """Every field of theirs that ours has not; what is null, empty or an id here ends the look.

    Rows of a list are compared with our first one: all rows of a list have one kind.
    """
    if isinstance(theirs, list) and isinstance(ours, list):
        for row in theirs[:1] if ours else ():
            yield from lacking(row, ours[0], kind, path)
    if not (isinstance(theirs, dict) and isinstance(ours, dict)):
        return
    if "object" in theirs:
        kind, path = str(theirs["object"]), ""
    for name, value in theirs.items():
        here = f"{path}.{name}" if path else name
        if name not in ours:
            yield kind, here
        else:
            yield from lacking(value, ours[name], kind, here)
