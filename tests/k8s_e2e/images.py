"""Build the images of the test, and copy them to where the cluster finds them."""

import os
import shlex
import subprocess

from tests.images.engine import ROOT, build, run
from tests.k8s_e2e.releases import SERVICES, THIS, TWINS, Release
from tests.support.container_images import OWN_KAFKA, OWN_POSTGRES, environment

STAND_INS = {"postgres": OWN_POSTGRES, "kafka": OWN_KAFKA}
LOAD = ROOT / "deploy" / "k8s" / "local-cluster" / "load.sh"


def build_all() -> list[str]:
    """Build every image of this release and of what is around it; returns their names.

    Raises:
        RuntimeError: no container engine answers, or an image can't be built.
    """
    made = [*build_services(THIS), build(TWINS, THIS.tag)]
    for image, stand_in in STAND_INS.items():
        run("tag", stand_in, f"cift/{image}:{THIS.tag}")
    return [*made, *(f"cift/{image}:{THIS.tag}" for image in STAND_INS)]


def build_services(release: Release) -> list[str]:
    """Build the images of a release's services; returns their names.

    Raises:
        RuntimeError: as `build_all`.
    """
    return [build(image, release.tag, release.root, release.revision) for image in SERVICES]


def load(images: list[str]) -> None:
    """Give the images to the cluster, by the command in CIFT_K8S_LOAD.

    The command gets the images' names as arguments, such as `kind load docker-image`. By default
    it is the one of `deploy/k8s/local-cluster`.

    Raises:
        RuntimeError: the command failed.
    """
    command = shlex.split(os.environ.get("CIFT_K8S_LOAD", str(LOAD)))
    done = subprocess.run(
        [*command, *images], check=False, env=environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")


def sizes(images: list[str]) -> dict[str, int]:
    """The size of each image in MB, with its base."""
    found = {}
    for image in images:
        size = run("image", "inspect", "--format", "{{.Size}}", image).stdout
        found[image.removeprefix("cift/").partition(":")[0]] = round(int(size) / 1e6)
    return found
