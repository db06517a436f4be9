"""stripe-mock, Stripe's own server of example answers: built from its Go module, its own process.

It checks every request against the OpenAPI description it carries, and answers examples; it keeps
nothing. It listens on loopback only.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

VERSION = "v0.203.0"
"""Carries the description of API version 2026-08-26.dahlia, as our twin does."""
ENVIRONMENTS = Path(__file__).parents[2] / ".cift" / "peers"
START_S_MAX = 60
_MODULE = "github.com/stripe/stripe-mock"
_ADDRESS = re.compile(r"Listening for HTTP at address: (127\.0\.0\.1:\d+)")


def binary() -> Path:
    """The program, built once for each version; Go's checksum database vouches for its source.

    Without Go the test is skipped, in CI it fails.
    """
    folder = ENVIRONMENTS / f"stripe-mock-{VERSION}"
    program = folder / "stripe-mock"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        _give_up("Go is not installed, so stripe-mock can't be built: install Go 1.22 or newer")
    done = subprocess.run(
        [go, "install", f"{_MODULE}@{VERSION}"],
        env={**os.environ, "GOBIN": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        _give_up(f"stripe-mock {VERSION} could not be built:\n{done.stderr}")
    return program


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run it on free ports of loopback; the address of its API over plain HTTP."""
    # HTTPS can't be switched off beside an address for HTTP, and would listen on every interface.
    argv = [str(binary()), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    log = folder / "stripe-mock.log"
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as process:
        try:
            yield f"http://{_address(log, process)}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where it says that it listens.

    Raises:
        RuntimeError: it ended, or said nothing in time.
    """
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if found := _ADDRESS.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"stripe-mock did not start:\n{log.read_text()}")
