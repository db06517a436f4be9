"""Addresses that are never paid: a file with one address a line.

`#` begins a comment. Both the watcher and the signer of a chain read it, each at its start.
"""

from collections.abc import Callable
from pathlib import Path

from cift_shared.errors import SettingsInvalid


def denied(
    path: Path | None, setting: str, parse: Callable[[str], bytes], invalid: type[Exception]
) -> frozenset[bytes]:
    """What the addresses of the file stand for on their chain; empty without a file.

    Args:
        path: of the file.
        setting: the variable that names it.
        parse: reads an address; raises `invalid` for what is none.
        invalid: the exception of `parse`.

    Raises:
        SettingsInvalid: the file can't be read, or a line is no address. A list that is understood
            only in part would let money through.
    """
    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{setting}: can't be read: {error}") from None
    found = set()
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            found.add(parse(text))
        except invalid as error:
            raise SettingsInvalid(f"{setting}: line {number}: {error}") from None
    return frozenset(found)
