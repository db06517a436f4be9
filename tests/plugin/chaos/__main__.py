"""`python -m tests.plugin.chaos`: schedules with the plugin's rails, which `make chaos` runs.

SEEDS, SEED_BASE, SEED and HANGS count as for `python -m tests.chaos`, but there is one schedule
here for each ten there.
"""

import os
import subprocess
import sys

from tests.plugin.chaos.installation import ROOT, SITE, variables

SHARE = 10


def main() -> int:
    """Run the schedules in a process that finds the rails; answers its exit status."""
    seeds = -(-int(os.environ.get("SEEDS") or 20) // SHARE)
    with variables() as more:
        env = {
            **os.environ,
            **more,
            "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT)]),
            "SEEDS": str(seeds),
            "REGRESSIONS": "0",
        }
        argv = [sys.executable, "-m", "tests.chaos"]
        return subprocess.run(argv, check=False, env=env, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
