"""Run a service's main function, and report its expected errors in one line.

    python -m ledger -> run_process("ledger", "ledger.main:main")

A wrong setting ends the process with one line and status 1, SIGTERM and SIGINT end it with status
0; only a bug of ours prints a traceback.
"""

import sys
from importlib import import_module

from cift_shared.errors import CiftError
from cift_shared.runtime.stopping import end_at_signals


def run_process(service: str, target: str) -> None:
    """Import and call `module:function`.

    Importing takes seconds on a loaded machine. During the import, and until the service serves, a
    signal ends the process at once instead of raising KeyboardInterrupt inside a library.
    """
    end_at_signals()
    module, _, function = target.partition(":")
    main = getattr(import_module(module), function)
    try:
        main()
    except CiftError as error:
        sys.exit(f"{service}: {' '.join(str(error).split())}")
