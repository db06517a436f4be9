"""localstripe, an independent stand-in for Stripe: its own environment, its own process.

It is under the GPL, so it is run and never imported. It listens on loopback only, and writes its
state into a folder of its own.
"""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

LOCK = Path(__file__).with_name("localstripe.lock")
ENVIRONMENTS = Path(__file__).parents[2] / ".cift" / "peers"
START_S_MAX = 60
_SERVE = (
    "import sys; from aiohttp import web; from localstripe.server import app; "
    "web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)"
)


def python() -> Path:
    """The interpreter of localstripe's environment, which is made once for each lock file."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = ENVIRONMENTS / f"localstripe-{digest}"
    interpreter = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        (folder / "ready").touch()
    return interpreter


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run it on a free port of loopback; the address of its API."""
    port = _free_port()
    log = (folder / "localstripe.log").open("wb")
    environment = {"PATH": os.environ.get("PATH", ""), "TMPDIR": str(folder)}
    argv = [str(python()), "-c", _SERVE, str(port)]
    with log, subprocess.Popen(argv, stdout=log, stderr=log, env=environment) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_up(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            httpx.get(f"{address}/v1/customers", auth=("sk_test_probe", ""))
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("localstripe did not start; see its log")
