"""The release under test, and an earlier one from git's history: manifests and images of each."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.images.engine import ROOT
from tests.k8s.rendered import K8S
from tests.k8s_e2e.credentials import OVERLAY
from tests.k8s_e2e.kube import PLATFORM
from tests.upgrade.release import take_files

NAME_FILE = K8S / "previous-release"
"""Has the commit of the earlier release: one that has images and manifests."""
SERVICES = ("gateway", "ledger", "card-worker", "crypto-watcher", "mpesa-worker", "paypal-worker")
TWINS = "provider-sandbox"
Literals = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Release:
    """The files of a release, and the tag and the label of its images."""

    root: Path
    tag: str
    revision: str = ""
    """The commit; empty: the one that git has checked out in `root`."""

    def layer(self, settings: Literals, folder: Path) -> Path:
        """A folder that adds the run's own settings and images to the release's overlay.

        kustomize renders it. The relays in the pods are those of the twins' release.
        """
        literals = [f"{name}={value}" for name, value in settings.items()]
        overlay = self.root / "deploy" / "k8s" / "overlays" / OVERLAY
        above = {
            "resources": [os.path.relpath(overlay, folder)],
            "images": [{"name": f"cift/{image}", "newTag": self.tag} for image in SERVICES],
            "configMapGenerator": [
                {"name": "cift", "namespace": PLATFORM, "behavior": "merge", "literals": literals}
            ],
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(above))
        return folder


THIS = Release(ROOT, "e2e")
"""The files of this checkout."""


def previous(folder: Path) -> Release:
    """Take the earlier release from git's history into a folder.

    Raises:
        NoHistory: git does not have its commit.
    """
    commit = NAME_FILE.read_text().strip()
    root = folder / "previous"
    shutil.rmtree(root, ignore_errors=True)
    take_files(commit, root)
    return Release(root, "e2e-previous", commit[:8])
