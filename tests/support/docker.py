"""Is there a container engine to run test servers in, and which images does it take?

Docker's socket or podman's: the one that `DOCKER_HOST` names, or one at its usual place. The
images are those of the projects, pulled from a registry, unless `tests.support.container_images`
has built stand-ins for them on this machine.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

from cift_local.ports import LOOPBACK
from tests.support.container_images import OWN_KAFKA, OWN_POSTGRES

_SETTINGS = {
    # inside a container testcontainers would look for the servers at another address
    "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
}
_WITHOUT_REGISTRY = {"TESTCONTAINERS_RYUK_DISABLED": "true"}
"""Ryuk is an image, too; without it a test run that is killed leaves its containers."""


@cache
def docker_is_reachable() -> bool:
    """Tells whether an engine answers; cheap where there is none."""
    return engine() is not None


@cache
def engine() -> str | None:
    """Answers the engine's name and release, None where none answers; sets up testcontainers."""
    addresses = [os.environ["DOCKER_HOST"]] if "DOCKER_HOST" in os.environ else _usual_sockets()
    for address in addresses:
        found = _ask(address)
        if found is not None:
            os.environ["DOCKER_HOST"] = address
            settings = _SETTINGS | (_WITHOUT_REGISTRY if own_image(OWN_POSTGRES) else {})
            for name, value in settings.items():
                os.environ.setdefault(name, value)
            return found
    return None


@cache
def own_image(name: str) -> str | None:
    """Answers this name if the engine has a stand-in that was built here, else None."""
    from docker.errors import ImageNotFound

    client = _client(os.environ["DOCKER_HOST"])
    try:
        client.images.get(name)
    except ImageNotFound:
        return None
    finally:
        client.close()
    return name


def postgres_image() -> str:
    """Answers the image of PostgreSQL to run."""
    return own_image(OWN_POSTGRES) or "postgres:18"


def kafka_image(release: str) -> str:
    """Answers the image of Apache Kafka to run."""
    return own_image(OWN_KAFKA) or f"apache/kafka:{release}"


def bind_to_loopback(container: Any, inside: int, outside: int) -> None:
    """Publishes a port on this machine's loopback only; testcontainers would take every address."""
    container.ports.clear()
    container.ports[f"{inside}/tcp"] = (LOOPBACK, outside)


def _usual_sockets() -> list[str]:
    users = os.environ.get("XDG_RUNTIME_DIR", "/run/user/none")
    usual = ("/var/run/docker.sock", "/run/podman/podman.sock", f"{users}/podman/podman.sock")
    return [f"unix://{path}" for path in usual if Path(path).exists()]


def _client(address: str) -> Any:
    import docker

    return docker.DockerClient(base_url=address, timeout=5)


def _ask(address: str) -> str | None:
    from docker.errors import DockerException

    try:
        client = _client(address)
        said = client.version()
    except DockerException:
        return None
    client.close()
    name = next((part["Name"] for part in said.get("Components", ())), "Docker")
    return f"{name} {said['Version']}"
