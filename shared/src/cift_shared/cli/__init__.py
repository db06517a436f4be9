"""The `cift` command: the parts from which all its commands are built.

    root     the group `cift`; services add their commands by the entry point `cift.commands`
    lazy     groups that import a command only when it runs, not when they list it
    command  one command: `--json` and `--quiet`, errors as one line and an exit code
    output   the result of a command, printed as a table, as JSON or as ids

Nothing here imports Kafka, PostgreSQL or settings before a command runs: `cift --help` is fast.
"""

from cift_shared.cli.command import Command, command
from cift_shared.cli.errors import Exit, Refused, Unreachable, WrongInput, environment
from cift_shared.cli.lazy import Lazy, LazyGroup
from cift_shared.cli.moment import Moment
from cift_shared.cli.output import Cell, Output, Table
from cift_shared.cli.progress import Progress, progress

__all__ = [
    "Cell",
    "Command",
    "Exit",
    "Lazy",
    "LazyGroup",
    "Moment",
    "Output",
    "Progress",
    "Refused",
    "Table",
    "Unreachable",
    "WrongInput",
    "command",
    "environment",
    "progress",
]
