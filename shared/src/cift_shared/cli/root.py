"""The command group `cift`, and the exit of its process."""

import os
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points

import click

from cift_shared.cli.errors import Exit
from cift_shared.cli.lazy import Lazy, LazyGroup

ENTRY_POINTS = "cift.commands"
COMPLETE_VARIABLE = "_CIFT_COMPLETE"

_OURS = (
    Lazy("asyncapi", "cift_shared.cli.setup:asyncapi", "Print the AsyncAPI 3 document."),
    Lazy("canary", "cift_shared.cli.canary:canary", "Make the smallest payment, refund it."),
    Lazy("completion", "cift_shared.cli.completion:completion", "Print shell completion code."),
    Lazy("dead-letters", "cift_shared.cli.dead_letters:dead_letters", "What can't be handled."),
    Lazy("doctor", "cift_shared.cli.doctor:doctor", "Check everything, show what to fix."),
    Lazy("keys", "cift_shared.cli.keys:keys", "Make the keys that services need."),
    Lazy("migrate", "cift_shared.cli.setup:migrate", "Bring every schema up to date."),
    Lazy("payments", "cift_shared.cli.payments:payments", "Payments over the HTTP API."),
    Lazy("restored", "cift_shared.cli.restored:restored", "Note that the database was restored."),
    Lazy("topics", "cift_shared.cli.setup:topics", "Create the topics that are missing."),
)


def _index() -> Iterator[Lazy]:
    """Our commands, and those of the indexes that installed services register as entry points."""
    yield from _OURS
    for point in entry_points(group=ENTRY_POINTS):
        yield from point.load()


@click.group(cls=LazyGroup, index=_index)
@click.version_option(package_name="cift-shared", prog_name="cift", message="%(prog)s %(version)s")
def cift() -> None:
    """CIFT Payments: set-up and operations.

    Every command takes --json and --quiet. Exit codes: 0 done, 1 a check found something, 2 wrong
    command line or setting, 3 refused, 4 a server does not answer.
    """


def main(words: Sequence[str] | None = None) -> None:
    """Run `cift` and end the process with its exit code."""
    sys.exit(run(words))


def run(words: Sequence[str] | None = None) -> int:
    """Run `cift`; returns the exit code."""
    try:
        code = cift.main(
            words, prog_name="cift", complete_var=COMPLETE_VARIABLE, standalone_mode=False
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # the reader of our output has closed the pipe; the interpreter must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception:  # noqa: BLE001  a bug: a traceback, and a separate exit code
        sys.excepthook(*sys.exc_info())
        return Exit.INTERNAL
    return code if isinstance(code, int) else Exit.OK
