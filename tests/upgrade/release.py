"""A release's code with a Python that has its packages: this one, or one from git's history."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAME_FILE = ROOT / "deploy" / "previous-release"
"""Has the commit of the earlier release."""

_SETTINGS_PROGRAM = """
import json, sys
from pathlib import Path
from cift_local import stack
given = json.loads(sys.argv[1])
options = stack.Options(Path(given["folder"]), speed=given["speed"], prefer_ports=False)
ports = {name: stack.free_port() for name in stack.PREFERRED_PORTS} | given["ports"]
environment = getattr(stack, "environment", None) or stack._environment
variables = environment(options, ports, given["database"], given["kafka"])
print(json.dumps({"services": stack.SERVICES, "variables": variables}))
"""
"""Runs in the earlier release: its services, and the settings of its local stack."""


class NoHistory(Exception):
    """The repository does not have the earlier release's commit."""


@dataclass(frozen=True, slots=True)
class Release:
    """The code of one release, and a Python that has it installed."""

    name: str
    root: Path
    python: Path

    def cift(self, variables: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
        """Run this release's `cift` command; its exit status may be any."""
        return self._python(variables, "-m", "cift_shared", *words)

    def settings(
        self, folder: Path, *, database: str, kafka: str, ports: Mapping[str, int], speed: int
    ) -> tuple[dict[str, str], dict[str, str]]:
        """This release's services with their modules, and the variables of its local stack."""
        given = {
            "folder": str(folder),
            "database": database,
            "kafka": kafka,
            "ports": dict(ports),
            "speed": speed,
        }
        done = self._python({}, "-c", _SETTINGS_PROGRAM, json.dumps(given))
        done.check_returncode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found["services"], found["variables"]

    def _python(
        self, variables: Mapping[str, str], *arguments: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.python), *arguments],
            check=False,
            cwd=self.root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
        )


def this_release() -> Release:
    """The code of this checkout."""
    return Release("new", ROOT, Path(sys.executable))


def previous_commit() -> str:
    """The commit of the earlier release."""
    return NAME_FILE.read_text().strip()


def previous_release(folder: Path, commit: str) -> Release:
    """Take a commit's files from git's history into a folder, and install it as its guide says.

    Raises:
        NoHistory: git does not have the commit.
        RuntimeError: `make setup` failed.
    """
    root = folder / "release"
    take_files(commit, root)
    _set_up(root)
    return Release("old", root, root / ".venv" / "bin" / "python")


def take_files(commit: str, root: Path) -> None:
    """Write a commit's files from git's history into a new folder.

    Raises:
        NoHistory: git does not have the commit.
    """
    root.mkdir()
    archive = root.with_suffix(".tar")
    argv = ["git", "archive", "--format=tar", f"--output={archive}", commit]
    done = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise NoHistory(f"git has no commit {commit} ({' '.join(reason[-1:])})")
    with tarfile.open(archive) as files:
        files.extractall(root, filter="data")
    archive.unlink()


def _set_up(root: Path) -> None:
    """Run the release's own `make setup`, without the variables of the make that runs this."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "setup", f"PYTHON={sys.executable}"],
        check=False,
        cwd=root,
        env=inherited,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"make setup of the earlier release: {done.stderr[-2000:]}")
