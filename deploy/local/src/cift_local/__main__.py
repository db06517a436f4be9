"""`python -m cift_local demo | smoke | verify-books`."""

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


def main() -> int:
    """Runs one command; answers the exit status."""
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    folder = FOLDER.absolute()
    try:
        if command == "demo":
            asyncio.run(demo(folder))
            return 0
        if command == "smoke":
            return asyncio.run(smoke())
        if command == "verify-books":
            argv = [sys.executable, "-m", "cift_shared", "verify-books"]
            return subprocess.run(
                argv, check=False, env={**os.environ, **read_addresses(folder)}
            ).returncode
    except LocalStackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{__doc__}\n")
    return 2


sys.exit(main())
