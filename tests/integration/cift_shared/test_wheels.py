"""What is installed from a wheel holds every SQL file of the sources."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.integration

SERVICES = Path(__file__).parents[3] / "services"
PACKAGES = sorted(folder.parent.parent.parent for folder in SERVICES.glob("*/src/*/migrations"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_wheel_holds_migrations_and_functions(package: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(argv, cwd=package, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    sources = {file.relative_to(package / "src").as_posix() for file in package.rglob("*.sql")}
    assert any("/migrations/" in name for name in sources)
    assert {name for name in ZipFile(wheel).namelist() if name.endswith(".sql")} == sources


def test_every_package_with_functions_is_looked_at() -> None:
    found = {folder.parent.parent.parent for folder in SERVICES.glob("*/src/*/functions")}
    assert {folder.name for folder in found} == {"gateway", "ledger", "mpesa-worker"}
    assert found <= set(PACKAGES)
