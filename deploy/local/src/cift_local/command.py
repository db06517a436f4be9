"""`./cift` and `make cift`: the `cift` command on the local stack.

`./cift` uses the environment of the local stack only if DATABASE_URL is not set and a stack has run
in the folder. Then it uses all variables of that stack: a mixture of two environments would write
data under wrong keys. An API address or API key that is already set is not changed.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cift_local.addresses import ADDRESSES, API_BASE, environment_of
from cift_local.errors import LocalStackError
from cift_shared.cli.errors import Exit
from cift_shared.cli.root import run


def cift_on_stack(folder: Path, words: Sequence[str]) -> int:
    """Run `cift` on the stack of this folder; return its exit code.

    Raises:
        StartError: no stack has run in this folder.
    """
    given_base = os.environ.get(API_BASE)
    os.environ.update(environment_of(folder))
    if given_base:
        os.environ[API_BASE] = given_base
    return run(words)


def cift_anywhere(folder: Path, words: Sequence[str]) -> int:
    """Run `cift` on the database that the environment names, else on the stack of this folder."""
    if os.environ.get("DATABASE_URL") or not (folder / ADDRESSES).exists():
        return run(words)
    return cift_on_stack(folder, words)


def main(folder: str, words: Sequence[str]) -> int:
    """Entry point of `./cift`, called with its folder; return the exit code."""
    try:
        return cift_anywhere(Path(folder), words)
    except LocalStackError as error:
        sys.stderr.write(f"Error: {error}\n")
        return Exit.USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
