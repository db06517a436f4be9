"""Groups of commands that are imported only when they run.

Help and completion show a name and a line for each command. The index has both, so listing commands
imports none of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from cift_shared.cli.errors import one_line_errors


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command and its place in the code."""

    name: str
    target: str
    """`module:attribute`."""
    help: str
    """One line for lists; the command's own help has the details."""

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        loaded: click.Command = getattr(import_module(module), attribute)
        return loaded


class LazyGroup(click.Group):
    """A group over an index of lazy commands.

    Args:
        index: returns the commands; called once, when they are first needed.
    """

    def __init__(self, *args: Any, index: Callable[[], Iterable[Lazy]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._find = index
        self._found: dict[str, Lazy] | None = None

    @property
    def index(self) -> Mapping[str, Lazy]:
        """The commands by name, sorted."""
        if self._found is None:
            entries = sorted(self._find(), key=lambda entry: entry.name)
            self._found = {entry.name: entry for entry in entries}
        return self._found

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names of all commands."""
        return list(self.index)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command of that name."""
        entry = self.index.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the index."""
        if self.index:
            with formatter.section("Commands"):
                formatter.write_dl([(entry.name, entry.help) for entry in self.index.values()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print one of our errors as one line."""
        with one_line_errors():
            return super().invoke(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names from the index; complete options by click's own method."""
        if incomplete and not incomplete[0].isalnum():
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(entry.name, help=entry.help)
            for entry in self.index.values()
            if entry.name.startswith(incomplete)
        ]
