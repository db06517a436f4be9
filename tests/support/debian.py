"""Programs that tests need and that Debian packages.

python -m tests.support.debian chromium              installs it where it is missing
python -m tests.support.debian promtool prometheus   the same for a package of another name

Exit code 1: it is missing and can't be installed here.
"""

import os
import shutil
import subprocess
import sys

from cift_local.errors import LocalStackError

LOCK_WAIT_S = 300
"""How long apt-get waits for another program that installs packages."""


def ensure_program(program: str, package: str) -> None:
    """Install a package where its program is missing.

    Raises:
        LocalStackError: it is missing, and this is no Debian or we are not root.
    """
    if shutil.which(program) is None:
        install(package)


def install(*packages: str) -> None:
    """Install packages with apt-get.

    Raises:
        LocalStackError: this is no Debian, we are not root, or apt-get failed.
    """
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        names = " ".join(packages)
        raise LocalStackError(f"{names} is not installed: as root, `apt-get install {names}`")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = f"DPkg::Lock::Timeout={LOCK_WAIT_S}"
    arguments = ["install", "--yes", "--no-install-recommends", *packages]
    for words in (["update", "--quiet"], arguments):
        if subprocess.run([apt, "-o", wait, *words], check=False, env=environment).returncode:
            raise LocalStackError(f"`apt-get {' '.join(words)}` failed")


def main() -> int:
    """Returns the exit code."""
    program, *package = sys.argv[1:]
    try:
        ensure_program(program, package[0] if package else program)
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
