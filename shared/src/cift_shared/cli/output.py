"""The result of a command, and the only module that prints it.

on a terminal          tables by rich, with colours unless NO_COLOR is set
pipes and files        the same tables as plain aligned text, never cut
--json                 the document, indented
--quiet                ids only, one a line
"""

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO

import click

from cift_shared.cli.errors import Exit

FORM = "cift.form"
"""Key of the requested output form in click's context."""


class Form(StrEnum):
    """The output form of a command."""

    TEXT = "text"
    JSON = "json"
    QUIET = "quiet"


def form_of(ctx: click.Context) -> Form:
    """The output form of this run."""
    form: Form = ctx.meta.get(FORM, Form.TEXT)
    return form


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell with a colour; a plain string is a cell without one."""

    text: str
    style: str = ""
    """A style of rich, like "red" or "bold"; shown on terminals only."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; without rows, nothing is shown."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    numbers: Sequence[int] = ()
    """Indexes of the right-aligned columns."""


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a command."""

    document: Any
    """For `--json`: a value for `json.dumps`. Keys are stable; later releases only add keys."""
    parts: Sequence[str | Table] = ()
    """For human readers: lines and tables, in order."""
    ids: Sequence[str] = ()
    """For `--quiet`."""
    exit_code: Exit = Exit.OK
    to_stderr: bool = False
    """True if the command has written data to standard output."""


def show(output: Output, form: Form) -> None:
    """Print the result of a command."""
    stream = sys.stderr if output.to_stderr else sys.stdout
    if form is Form.JSON:
        _write(stream, json.dumps(output.document, indent=2, ensure_ascii=False))
    elif form is Form.QUIET:
        for name in output.ids:
            _write(stream, name)
    else:
        for part in output.parts:
            _show_part(part, stream)


def show_record(record: Any, text: str, name: str, form: Form) -> None:
    """Print one record of a stream: a JSON line, a text line, or an id."""
    line = {Form.JSON: json.dumps(record, ensure_ascii=False), Form.QUIET: name}.get(form, text)
    _write(sys.stdout, line)
    sys.stdout.flush()


def _write(stream: TextIO, line: str) -> None:
    click.echo(line, file=stream)


def _show_part(part: str | Table, stream: TextIO) -> None:
    if isinstance(part, str):
        _write(stream, part)
    elif not part.rows:
        return
    elif stream.isatty():
        _show_rich(part, stream)
    else:
        for line in aligned(part):
            _write(stream, line)


def _show_rich(table: Table, stream: TextIO) -> None:
    # rich takes a tenth of a second to import; only a terminal needs it
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(table.headings):
        justify: Any = "right" if place in table.numbers else "left"
        rich_table.add_column(heading, justify=justify, overflow="fold")
    for row in table.rows:
        cells = (cell if isinstance(cell, Cell) else Cell(cell) for cell in row)
        rich_table.add_row(*(Text(cell.text, style=cell.style) for cell in cells))
    Console(file=stream, highlight=False).print(rich_table)


def aligned(table: Table) -> list[str]:
    """A table as lines of plain text with aligned columns."""
    rows: list[Sequence[str]] = [
        table.headings,
        *([str(cell) for cell in row] for row in table.rows),
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.headings))]
    return [_aligned_row(row, widths, table.numbers) for row in rows]


def _aligned_row(row: Sequence[str], widths: Sequence[int], numbers: Collection[int]) -> str:
    cells = (
        cell.rjust(width) if place in numbers else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()
