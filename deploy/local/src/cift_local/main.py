"""`python -m cift_local demo | smoke | compose-settings | cift ...`."""

import asyncio
import signal
import sys
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_shared.cli.errors import Exit
from cift_shared.errors import CiftError

FOLDER = Path(".cift")


def main(words: list[str]) -> int:
    """Run one command; return the exit status.

    From here on an interrupt raises KeyboardInterrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = FOLDER.absolute()
    try:
        match words:
            case ["demo"]:
                from cift_local.demo import demo  # noqa: PLC0415  not for `cift`

                asyncio.run(demo(folder))
                return 0
            case ["smoke"]:
                from cift_local.smoke import smoke  # noqa: PLC0415

                return asyncio.run(smoke())
            case ["compose-settings"]:
                from cift_local.compose import write_settings  # noqa: PLC0415

                write_settings(folder / "compose")
                return 0
            case ["cift", *command]:
                from cift_local.command import cift_on_stack  # noqa: PLC0415

                return cift_on_stack(folder, command)
    except (LocalStackError, CiftError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return Exit.INTERRUPTED
    sys.stderr.write(f"{__doc__}\n")
    return 2
