"""The file that a running stack writes to its folder: addresses and the environment of its parts.

This module imports little, because the `cift` command reads the file at each start.
"""

import json
from pathlib import Path

from cift_local.errors import StartError

ADDRESSES = "stack.json"
API_BASE = "CIFT_API_BASE"


def read_addresses(folder: Path) -> dict[str, str]:
    """Return the content of the stack's file: service addresses and the environment.

    Raises:
        StartError: no stack has run in this folder, or the file can't be read.
    """
    try:
        note: dict[str, str] = json.loads((folder / ADDRESSES).read_text("utf-8"))
    except FileNotFoundError:
        raise StartError("no local stack has run here: `make demo` starts one") from None
    except (OSError, ValueError) as error:
        raise StartError(f"{folder / ADDRESSES} can't be read: {error}") from error
    return note


def environment_of(folder: Path) -> dict[str, str]:
    """Return the variables with which `cift` works on the stack of a folder.

    Raises:
        StartError: no stack has run in this folder.
    """
    note = read_addresses(folder)
    variables = {name: value for name, value in note.items() if name.isupper()}
    return {API_BASE: note["gateway"], **variables}
