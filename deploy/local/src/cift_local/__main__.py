"""`python -m cift_local demo | smoke | cift ...`."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from cift_local.demo import demo
from cift_local.errors import LocalStackError
from cift_local.smoke import smoke
from cift_local.stack import read_addresses

FOLDER = Path(".cift")


def main(words: list[str]) -> int:
    """Runs one command; answers the exit status."""
    folder = FOLDER.absolute()
    try:
        match words:
            case ["demo"]:
                asyncio.run(demo(folder))
                return 0
            case ["smoke"]:
                return asyncio.run(smoke())
            case ["cift", *command]:
                return _cift(command, folder)
    except LocalStackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{__doc__}\n")
    return 2


def _cift(command: list[str], folder: Path) -> int:
    """Runs the `cift` command with the running stack's environment."""
    environment = {**os.environ, **read_addresses(folder)}
    argv = [sys.executable, "-m", "cift_shared", *command]
    return subprocess.run(argv, check=False, env=environment).returncode


sys.exit(main(sys.argv[1:]))
