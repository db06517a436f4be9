"""Build, start and ask containers by the command line of docker or podman."""

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.container_images import OWN_PYTHON, environment, has

ROOT = Path(__file__).parents[2]
TAG = "test"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@cache
def program() -> str:
    """The engine that `make images` takes.

    Raises:
        RuntimeError: none answers.
    """
    argv = [str(ROOT / "deploy" / "images" / "engine.sh")]
    done = subprocess.run(argv, check=False, env=environment(), capture_output=True, text=True)
    if done.returncode:
        hint = "as root, `python -m tests.support.containers python` installs podman"
        raise RuntimeError(f"{done.stderr.strip()}; {hint}")
    return done.stdout.strip()


def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine."""
    done = subprocess.run(
        [program(), *arguments], check=False, env=environment(), capture_output=True, text=True
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])}: {done.stderr[-2000:]}")
    return done


@cache
def build(image: str, tag: str = TAG, root: Path = ROOT, revision: str = "") -> str:
    """Build a service's image with `make images`; its name.

    Args:
        image: the service.
        tag: of the image.
        root: the files of the release that is built.
        revision: the commit that the image's label names; empty: what git says in `root`.
    """
    argv = [
        "make",
        "--no-print-directory",
        "images",
        f"IMAGES={image}",
        f"TAG={tag}",
        *([f"REVISION={revision}"] if revision else []),
    ]
    if program() == "podman" and has(OWN_PYTHON):
        # The stand-in for the base image; packages are fetched as on this machine.
        authorities = f"--volume {AUTHORITIES}:{AUTHORITIES}:ro" if AUTHORITIES.exists() else ""
        options = f"--pull=never --network=host {authorities}"
        argv += [f"PYTHON_IMAGE={OWN_PYTHON}", f"BUILD_OPTIONS={options}"]
    done = subprocess.run(
        argv,
        cwd=root,
        check=False,
        env={**environment(), "ENGINE": program()},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{image} was not built:\n{(done.stdout + done.stderr)[-3000:]}")
    return f"cift/{image}:{tag}"


@dataclass(frozen=True)
class Container:
    """A running container."""

    name: str

    def execute(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it."""
        return run("exec", self.name, *arguments, check=False)

    @property
    def log(self) -> str:
        """What it has written."""
        done = run("logs", self.name, check=False)
        return done.stdout + done.stderr

    def stop(self, within_s: int) -> int:
        """Send SIGTERM, and SIGKILL after a time; the exit code."""
        run("stop", "--time", str(within_s), self.name)
        return int(run("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)


@contextlib.contextmanager
def started(image: str, settings: Mapping[str, str]) -> Iterator[Container]:
    """A container as restricted as a pod, on this machine's network; removed at the end."""
    restricted = (
        *("--read-only", "--tmpfs", "/tmp:rw,size=64m"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
    )
    variables = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    name = run("run", "--detach", "--network=host", *restricted, *variables, image).stdout.strip()
    try:
        yield Container(name)
    finally:
        run("rm", "--force", name, check=False)
