"""Run tests on PostgreSQL and Apache Kafka in containers.

python -m tests.support.containers install          podman from Debian (as root), and images
python -m tests.support.containers python           podman, and the base of our own images
python -m tests.support.containers pytest ARGS...   pytest, with both servers in containers

`pytest` takes the engine that answers at `DOCKER_HOST` or at a usual socket, else it runs podman's
service for as long as the tests run. Exit code 1: no engine answers, or something can't be
installed.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_local.process_group import Program, end, log_tail, spawn
from cift_local.waiting import run_in_thread, wait_until
from tests.support import docker
from tests.support.container_images import (
    build_images,
    build_python,
    environment,
    install_podman,
)
from tests.support.kafka import CHOICE, JARS
from tests.support.postgres import GIVEN

NO_ENGINE = (
    "no container engine answers: start Docker or podman's service, set DOCKER_HOST, or as root "
    "run `python -m tests.support.containers install`"
)
ANSWERS_WITHIN_S = 30.0
ENDS_WITHIN_S = 10.0


def install() -> None:
    """Install podman and build the images, unless an engine is there that can pull them."""
    if docker.engine() is None:
        install_podman()
        build_images(JARS)


def install_python() -> None:
    """Install podman and build the image that `make images` can take as its base (as root)."""
    install_podman()
    build_python()


@contextlib.contextmanager
def an_engine() -> Iterator[str]:
    """An engine that answers, and its name.

    Raises:
        LocalStackError: there is none.
    """
    found = docker.engine()
    if found is not None:
        yield found
    elif shutil.which("podman") is None:
        raise LocalStackError(NO_ENGINE)
    else:
        with _podman_service() as found:
            yield found


@contextlib.contextmanager
def _podman_service() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="cift-test-podman-") as folder:
        address = f"unix://{folder}/podman.sock"
        argv = ("podman", "system", "service", "--time=0", address)
        program = Program("podman", argv, Path(folder) / "log", env=environment())
        service = spawn(program)
        os.environ["DOCKER_HOST"] = address
        try:
            if not run_in_thread(wait_until(_answers, ANSWERS_WITHIN_S)):
                raise LocalStackError(f"podman's service does not answer:\n{log_tail(program.log)}")
            yield docker.engine() or "podman"
        finally:
            end(service, program.stop_signal, ENDS_WITHIN_S)


async def _answers() -> bool:
    docker.engine.cache_clear()
    return docker.engine() is not None


def run_pytest(arguments: list[str]) -> int:
    """Answers pytest's exit code."""
    with an_engine():
        settings = {GIVEN: "container", CHOICE: "container"}
        argv = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(argv, check=False, env={**os.environ, **settings}).returncode


def main() -> int:
    """Answers the exit code."""
    what, *arguments = sys.argv[1:]
    try:
        if what == "pytest":
            return run_pytest(arguments)
        if what == "python":
            install_python()
        else:
            install()
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
