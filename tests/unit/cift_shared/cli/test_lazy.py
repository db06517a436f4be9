"""Listing commands imports none of them; every entry of an index names a command that is there."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cift_shared.cli import Command, LazyGroup
from cift_shared.cli.root import cift

HEAVY = {
    "aiokafka",
    "asyncio",
    "asyncpg",
    "cryptography",
    "fastapi",
    "faststream",
    "httpx",
    "pydantic",
    "pydantic_settings",
    "rich",
    "structlog",
}


def imported_by(*words: str) -> set[str]:
    """The top-level modules that a run of `cift` imports."""
    argv = [sys.executable, "-X", "importtime", "-m", "cift_shared", *words]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("ledger", "--help"), ("keys", "new")]
)
def test_what_needs_no_server_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported_by(*words) & HEAVY == set()


def groups_and_commands(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            assert below.name == name
            found += groups_and_commands(below, f"{path} {name}")
    return found


ALL = groups_and_commands(cift, "cift")


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_has_help(path: str, command: click.Command) -> None:
    answer = CliRunner().invoke(cift, [*path.split()[1:], "--help"])
    assert answer.exit_code == 0
    assert command.help
    if not isinstance(command, click.Group):
        assert isinstance(command, Command), "has --json and --quiet"
    if isinstance(command, LazyGroup):
        for entry in command.index.values():
            assert entry.help.endswith(".")
            assert len(entry.help) <= 50, "cut on a terminal of 80 columns"
