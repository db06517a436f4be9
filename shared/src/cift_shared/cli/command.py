"""One command: one renderer prints its result, and an error is printed as one line."""

import inspect
from collections.abc import Callable
from typing import Any

import click

from cift_shared.cli.errors import one_line_errors
from cift_shared.cli.output import FORM, Form, Output, form_of, show


class Command(click.Command):
    """A command whose function returns an `Output`, or None if the function prints by itself.

    The function may be a coroutine function. `--json` and `--quiet` are added to every command.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.params += [_form_option(Form.JSON), _form_option(Form.QUIET)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, print its result, end with its exit code."""
        with one_line_errors():
            answer = super().invoke(ctx)
            if inspect.iscoroutine(answer):
                import asyncio  # noqa: PLC0415  a third of the time of `--help`

                answer = asyncio.run(answer)
        if not isinstance(answer, Output):
            return answer
        show(answer, form_of(ctx))
        return ctx.exit(int(answer.exit_code))


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function, as `click.command` does."""
    return click.command(name, cls=Command, **more)


def _form_option(form: Form) -> click.Option:
    help_of = {Form.JSON: "Print JSON.", Form.QUIET: "Print ids only, one a line."}

    def choose(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if not wanted:
            return
        if ctx.meta.setdefault(FORM, form) is not form:
            raise click.UsageError("either --json or --quiet", ctx)

    return click.Option(
        [f"--{form}"], is_flag=True, expose_value=False, callback=choose, help=help_of[form]
    )
