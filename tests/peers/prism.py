"""Prism, which judges requests by an OpenAPI description: a process for each description.

It listens on loopback only, keeps nothing, and its answers are not used.
"""

import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from cift_local.ports import free_port
from tests.api_docs.tools import node_modules, run

HERE = Path(__file__).parent / "prism_tool"
KEPT = Path(__file__).parents[2] / ".cift" / "peers"
SPECS = Path(__file__).parents[1] / "contract" / "specs"
START_S_MAX = 120


@contextmanager
def running(folder: Path, description: str) -> Iterator[str]:
    """Run it on a description of `tests/contract/specs`; its address."""
    modules = node_modules(HERE, KEPT)
    published, usable = folder / f"{description}.published.json", folder / f"{description}.json"
    published.write_bytes(gzip.decompress((SPECS / f"{description}.json.gz").read_bytes()))
    run(["node", str(HERE / "usable.mjs"), str(published), str(usable)], folder)
    port, log = free_port(), folder / f"{description}.log"
    program = modules / "@stoplight" / "prism-cli" / "dist" / "index.js"
    argv = ["node", str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(usable)]
    quiet = {**os.environ, "NO_COLOR": "1", "SCARF_ANALYTICS": "false"}
    with (
        log.open("wb") as out,
        subprocess.Popen(argv, stdout=out, stderr=out, cwd=folder, env=quiet) as process,
    ):
        try:
            yield _answering(f"http://127.0.0.1:{port}", log, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answering(base: str, log: Path, process: "subprocess.Popen[bytes]") -> str:
    """The address, once it answers.

    Raises:
        RuntimeError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(base)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return base
    raise RuntimeError(f"Prism did not start:\n{log.read_text()}")
