"""Stand-ins for the images of PostgreSQL, Apache Kafka and Python, where there is no registry.

Built by podman from Debian's packages and from Kafka's published jars. A tag contains a digest of
the files in `images/`, so a changed file means another image. The Dockerfiles run `apt-get` on the
host's network; the files of Debian's base come from `debootstrap`.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cift_local.errors import LocalStackError
from cift_local.kafka import kafka_version, resolve_jars
from tests.support.debian import install

FOLDER = Path(__file__).parent / "images"
CONFIG = FOLDER / "containers.conf"
PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "debootstrap")
SUITE, BASE = "bookworm", "localhost/cift-test-debian:12"


def _digest(folder: str) -> str:
    files = sorted((FOLDER / folder).iterdir())
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:8]


OWN_POSTGRES = f"localhost/cift-test-postgres:15-{_digest('postgres')}"
OWN_KAFKA = f"localhost/cift-test-kafka:{kafka_version()}-{_digest('kafka')}"
OWN_PYTHON = f"localhost/cift-test-python:3.11-{_digest('python')}"


def install_podman() -> None:
    """Install podman and what builds images, where a program is missing.

    Raises:
        LocalStackError: it is missing and can't be installed here.
    """
    if any(shutil.which(program) is None for program in ("podman", "runc", "debootstrap")):
        install(*PACKAGES)


def build_images(jars: Path) -> None:
    """Build the stand-ins that podman does not have yet; needs root.

    Args:
        jars: where Kafka's jars are kept; Maven fetches them at the first call.

    Raises:
        LocalStackError: a step failed.
    """
    if not has(OWN_POSTGRES):
        _make_base()
        _build(OWN_POSTGRES, FOLDER / "postgres")
    if not has(OWN_KAFKA):
        _make_base()
        with tempfile.TemporaryDirectory() as context:
            shutil.copytree(FOLDER / "kafka", context, dirs_exist_ok=True)
            shutil.copytree(resolve_jars(jars), Path(context) / "libs")
            _build(OWN_KAFKA, Path(context))


def build_python() -> None:
    """Build the stand-in for the official image of Python, if podman does not have it; needs root.

    Raises:
        LocalStackError: a step failed.
    """
    if not has(OWN_PYTHON):
        _make_base()
        _build(OWN_PYTHON, FOLDER / "python")


def has(image: str) -> bool:
    """True if podman has this image."""
    if shutil.which("podman") is None:
        return False
    argv = ["podman", "image", "exists", image]
    return subprocess.run(argv, check=False, env=environment()).returncode == 0


def environment() -> dict[str, str]:
    """Answers podman's variables: its settings for a host that grants few rights."""
    return {**os.environ, "CONTAINERS_CONF": str(CONFIG)}


def _make_base() -> None:
    if has(BASE):
        return
    with tempfile.TemporaryDirectory() as parent:
        root = Path(parent) / "root"
        _run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root))
        for left in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / left)
            (root / left / "partial").mkdir(parents=True)
        archive = Path(parent) / "root.tar"
        _run("tar", "-C", str(root), "--one-file-system", "-cf", str(archive), ".")
        path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        _run("podman", "import", "--quiet", "--change", path, str(archive), BASE)


def _build(image: str, context: Path) -> None:
    options = ("--pull=never", "--layers=false", "--network=host")
    _run("podman", "build", "--quiet", *options, "--tag", image, str(context))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, env=environment(), capture_output=True, text=True)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise LocalStackError(f"`{' '.join(argv[:3])} …` failed:\n{last}")
