"""Changes that no test can notice, or that nobody would: read from `equivalent.txt`.

A line is `module | scope | before | after | reason`, as the report prints the first four. A line
that fits no mutant any more is an error: the code has moved on, and the line must go or follow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutation.changes import Mutant

FILE = Path(__file__).with_name("equivalent.txt")
SQL_FILE = Path(__file__).with_name("equivalent_sql.txt")
"""A line is `name | reason`, the name as the report prints it."""


class ListBroken(Exception):
    """A line of the list can't be read, or fits no mutant."""


def read_equivalents(text: str, *, bars: int = 3) -> dict[str, str]:
    """Reasons by the mutant's name, which has so many bars.

    Raises:
        ListBroken: a line without its parts, without a reason, or twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.rpartition(" | ")
        if name.count(" | ") < bars or not name or not reason.strip() or name in found:
            raise ListBroken(f"line {number} of the equivalents: {line}")
        found[name] = reason.strip()
    return found


def check_equivalents(known: Mapping[str, str], module: str, mutants: Sequence[Mutant]) -> None:
    """Sees that every line about a module still fits one of its mutants.

    Raises:
        ListBroken: naming the lines that do not.
    """
    names = {mutant.name for mutant in mutants}
    strange = [name for name in known if name.startswith(f"{module} | ") and name not in names]
    if strange:
        raise ListBroken("no mutant fits:\n" + "\n".join(strange))
