"""End the process at once on a signal before the service serves, because nothing is open yet.

Imported and called first, because the other imports of a program take a second or two.
"""

import os
import signal

INTERRUPTED = 130
"""The exit status of a command that was interrupted: 128 and the number of SIGINT."""


def end_at_signals(*, status: int = 0) -> None:
    """Let SIGTERM and SIGINT end the process until its own handlers replace these.

    Args:
        status: the exit status.
    """

    def end(_number: int, _frame: object) -> None:
        os._exit(status)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, end)
