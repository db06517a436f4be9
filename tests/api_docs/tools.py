"""Where the tools come from: Node packages and a Python environment, each pinned with hashes.

Both are kept under `.cift/api-docs`, in a folder for each lock, so that they are fetched once.
Without Node 20 a test is skipped and says so; in continuous integration (`CI` is set) it fails.

python -m tests.api_docs.tools      takes everything but the pins out of package-lock.json
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".cift" / "api-docs"
NODE_MAJOR_MIN = 20
NODE_FILES = ("package.json", "package-lock.json", ".npmrc")
CLIENTS_LOCK = HERE / "clients" / "clients.lock"
COMMAND_S_MAX = 600
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def node_modules(pins: Path = HERE, kept: Path = KEPT) -> Path:
    """The folder of the installed Node packages; skips or fails the test without Node.

    `pins` is the folder of their lock, `kept` the one where they stay.
    """
    missing = _why_no_node()
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    folder = kept / f"node-{_digest(*(pins / name for name in NODE_FILES))}"
    if not (folder / "ready").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in NODE_FILES:
            shutil.copy(pins / name, folder / name)
        run(["npm", "ci"], folder)
        (folder / "ready").touch()
    return folder / "node_modules"


def _why_no_node() -> str | None:
    if not (shutil.which("node") and shutil.which("npm")):
        return f"the API documents are checked with Node {NODE_MAJOR_MIN} or newer: not found"
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)\.", found)
    if match is None or int(match.group(1)) < NODE_MAJOR_MIN:
        return f"the API documents need Node {NODE_MAJOR_MIN} or newer, not {found.strip()}"
    return None


def clients_python() -> Path:
    """The interpreter of the environment that makes and checks the Python client."""
    folder = KEPT / f"python-{_digest(CLIENTS_LOCK)}"
    interpreter = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--require-hashes", "-r", str(CLIENTS_LOCK)], HERE)
        (folder / "ready").touch()
    return interpreter


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command in a folder; what it printed. Fails the test with all of it."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_QUIET, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def only_pins(lock: Mapping[str, Any]) -> dict[str, Any]:
    """A package lock without addresses: versions, hashes and who needs whom."""
    packages = {
        name: {key: value for key, value in package.items() if key not in ("resolved", "funding")}
        for name, package in lock["packages"].items()
    }
    return {**lock, "packages": packages}


if __name__ == "__main__":
    path = HERE / "package-lock.json"
    path.write_text(json.dumps(only_pins(json.loads(path.read_text())), indent=2) + "\n")
