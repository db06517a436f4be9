"""Progress of long work: a bar on standard error, on a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from cift_shared.cli.output import Form, form_of


class Progress:
    """The interface to which long work reports; this class shows nothing."""

    def begin(self, total: int | None) -> None:
        """Set the number of steps; None if it is unknown."""

    def step(self, steps: int = 1) -> None:
        """Report that this many more steps are done."""


class _Bar(Progress):
    """A bar of rich."""

    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def begin(self, total: int | None) -> None:
        self._bar.update(self._task, total=total)

    def step(self, steps: int = 1) -> None:
        self._bar.advance(self._task, steps)


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar for the block; none with `--quiet` or if standard error is no terminal."""
    context = click.get_current_context(silent=True)
    quiet = context is not None and form_of(context) is Form.QUIET
    if quiet or not sys.stderr.isatty():
        yield Progress()
        return
    from rich import progress as rich_progress  # noqa: PLC0415  only a terminal needs it
    from rich.console import Console  # noqa: PLC0415

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, bar.add_task(label, total=total))
