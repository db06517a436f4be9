"""Start the containers of `deploy/compose`, pay by every rail, check the books, end them.

python -m tests.compose      needs the images of `make images`, and docker compose or podman-compose

The last line is JSON. Exit status: 0 if all payments ended as they should, else 1.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cift_local.compose import write_settings
from tests.images import engine
from tests.images.engine import ROOT
from tests.support.container_images import OWN_KAFKA, OWN_POSTGRES, environment, has

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
FOLDER = ROOT / ".cift" / "compose"
CLIENT = ROOT / "deploy" / "local" / "src" / "cift_local"
PROGRAM = ROOT / "tests" / "k8s_e2e" / "programs" / "demo.py"
NODES = {"BITCOIN_NODE": "http://127.0.0.1:18443", "ETHEREUM_NODE": "http://127.0.0.1:8545"}
READY_WITHIN_S = 300
EVERY_S = 2.0


class ComposeError(Exception):
    """A command of compose failed, or the platform was not ready in time."""


def compose(*words: str) -> str:
    """Run a command of compose; returns its output.

    Raises:
        ComposeError: it failed.
    """
    own = {"CIFT_FOLDER": str(FOLDER), "CIFT_USER": f"{os.getuid()}:{os.getgid()}"}
    if has(OWN_POSTGRES):  # the stand-ins, where there is no registry
        own |= {"POSTGRES_IMAGE": OWN_POSTGRES, "KAFKA_IMAGE": OWN_KAFKA}
        own |= {"KAFKA_LOG_DIRS": "/var/lib/kafka/logs"}
    argv = [*program(), "--file", str(FILE), *words]
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, env={**environment(), **own}
    )
    if done.returncode:
        raise ComposeError(f"{' '.join(words[:3])}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def program() -> list[str]:
    """The command: what COMPOSE says, else the one of the engine that answers."""
    if "COMPOSE" in os.environ:
        return os.environ["COMPOSE"].split()
    return ["docker", "compose"] if engine.program() == "docker" else ["podman-compose"]


def within(container: str, *words: str) -> str:
    """Run a program in a container."""
    return compose("exec", "-T", container, *words)


def is_ready() -> bool:
    """Tell whether every service is: the gateway and all that write their state to its database."""
    look = "import urllib.request as u; [u.urlopen(f'http://127.0.0.1:{p}/readyz') for p in {}]"
    ports = [8070, *range(8081, 8087)]
    try:
        within("gateway", "python", "-c", look.replace("{}", str(ports)))
    except ComposeError:
        return False
    return True


def wait(condition: Callable[[], bool], what: str) -> None:
    """Wait for something.

    Raises:
        ComposeError: it takes too long.
    """
    until = time.monotonic() + READY_WITHIN_S
    while not condition():
        if time.monotonic() > until:
            raise ComposeError(f"{what}: not within {READY_WITHIN_S} s\n{compose('ps')}")
        time.sleep(EVERY_S)


def pay() -> list[str]:
    """Make the demo's payments in the gateway's container; returns those that ended otherwise."""
    programs = FOLDER / "programs"
    (programs / "cift_local").mkdir(parents=True, exist_ok=True)
    for file in (CLIENT / "customer.py", CLIENT / "scenario.py"):
        shutil.copy(file, programs / "cift_local")
    for file in (PROGRAM, FOLDER / "wallet-public.json"):
        shutil.copy(file, programs)
    key = within("gateway", "cift", "api-key", "create", "--merchant", "m_c", "--name", "smoke")
    variables = {**NODES, "CIFT_API_KEY": key.strip(), "PYTHONPATH": str(programs)}
    given = [f"{name}={value}" for name, value in variables.items()]
    words = ("env", *given, "python", str(programs / Path(PROGRAM).name), "cus_compose")
    *steps, _ = [json.loads(line) for line in within("gateway", *words).splitlines()]
    print(f"{len(steps)} payments", flush=True)
    return [f"{one['name']}: {one['status']}" for one in steps if one["status"] != one["expected"]]


def main() -> int:
    """Returns the exit status."""
    started = time.monotonic()
    write_settings(FOLDER)
    try:
        compose("up", "--detach")
        wait(is_ready, "the services")
        up = time.monotonic()
        wrong = pay()
        within("gateway", "cift", "verify-books")
    finally:
        compose("down", "--volumes", "--timeout", "20")
    seconds = {"up": round(up - started), "all": round(time.monotonic() - started)}
    print(json.dumps({"ok": not wrong, "seconds": seconds, "problems": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ComposeError, RuntimeError) as error:
        sys.exit(str(error))
