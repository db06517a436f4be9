"""Read the file that a running stack writes to its folder: addresses and environment variables.

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
        content: dict[str, str] = json.loads((folder / ADDRESSES).read_text("utf-8"))
    except FileNotFoundError:
        raise StartError("no local stack has run here: `make demo` starts one") from None
    except (OSError, ValueError) as error:
        raise StartError(f"{folder / ADDRESSES} can't be read: {error}") from error
    return content


def environment_of(folder: Path) -> dict[str, str]:
    """Return the variables with which `cift` works on the stack of a folder.

    Raises:
        StartError: no stack has run in this folder.
    """
    content = read_addresses(folder)
    variables = {name: value for name, value in content.items() if name.isupper()}
    return {API_BASE: content["gateway"], **variables}
