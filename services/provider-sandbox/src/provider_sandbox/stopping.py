"""Signals before the twin serves: the process ends at once, because nothing is open yet.

This module is imported and called first, because the other imports take a second or two.
"""

import os
import signal


def end_at_signals() -> None:
    """Let SIGTERM and SIGINT end the process with exit code 0 until the server handles them."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _end)


def _end(_number: int, _frame: object) -> None:
    os._exit(0)
