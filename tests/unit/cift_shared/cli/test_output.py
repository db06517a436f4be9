"""One renderer for every command: text, JSON, ids; and how a run ends."""

import io
import json
from typing import Any

import asyncpg
import click
import pytest
from click.testing import CliRunner

from cift_shared.cli import Cell, Exit, LazyGroup, Output, Table, command
from cift_shared.cli import root as cli_root
from cift_shared.cli.output import Form, show
from cift_shared.errors import InvalidCommand, ServerUnreachable, SettingsInvalid

ROWS = [["a", Cell("ok", "green"), "9"], ["long name", "x", "1000"]]
OUTPUT = Output(
    [{"name": "a"}, {"name": "é"}],
    ["heading", Table(["name", "state", "number"], ROWS, numbers=(2,)), "2 things"],
    ["a", "long name"],
    Exit.FINDING,
)


@command("things")
async def things() -> Output:
    """List things."""
    return OUTPUT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_aligned_text_without_colours() -> None:
    answer = CliRunner().invoke(things)
    assert answer.stdout.splitlines() == [
        "heading",
        "name       state  number",
        "a          ok          9",
        "long name  x        1000",
        "2 things",
    ]
    assert answer.exit_code == 1


def test_json_and_ids() -> None:
    assert json.loads(CliRunner().invoke(things, ["--json"]).stdout) == OUTPUT.document
    assert CliRunner().invoke(things, ["--quiet"]).stdout == "a\nlong name\n"
    assert CliRunner().invoke(things, ["--quiet", "--json"]).exit_code == 2


@pytest.mark.parametrize("plain", [False, True])
def test_a_terminal_gets_colours_unless_they_are_unwanted(
    plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    show(OUTPUT, Form.TEXT)
    assert "long name" in terminal.getvalue()
    assert ("\x1b[32m" in terminal.getvalue()) is not plain


def test_an_empty_table_shows_nothing() -> None:
    @command("none")
    def none() -> Output:
        return Output([], [Table(["name"], [])])

    assert CliRunner().invoke(none).output == ""


def run(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `cift` when its command raises."""

    @command("failing")
    def failing() -> Any:
        raise error

    group = LazyGroup("cift", index=list)
    group.add_command(failing)
    monkeypatch.setattr(group, "get_command", lambda _, name: failing)
    monkeypatch.setattr(cli_root, "cift", group)
    return cli_root.run(["failing"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsInvalid("CIFT_X: wrong"), Exit.USAGE),
        (InvalidCommand("code", "no"), Exit.REFUSED),
        (asyncpg.UndefinedTableError("no table"), Exit.REFUSED),
        (ServerUnreachable("away"), Exit.UNREACHABLE),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (click.Abort(), Exit.INTERRUPTED),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(error, monkeypatch) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.split("\n")) <= 3  # Ctrl-C ends the line of the terminal first
    assert "Traceback" not in told.err


def test_a_fault_of_ours_shows_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ZeroDivisionError(), monkeypatch) == Exit.INTERNAL
    assert "Traceback" in capsys.readouterr().err
