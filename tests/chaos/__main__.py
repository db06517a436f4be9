"""`python -m tests.chaos`: seeded schedules against real processes, judged one by one.

SEEDS=20        how many schedules
SEED_BASE=1000  the first seed; a fresh one by default
SEED=1007       this one alone
REGRESSIONS=1   first those that found a fault of the product once, within the same count
HANGS=0         fresh seeds without a process that hangs: one process of each service
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.chaos.cluster.cluster import ClusterOptions, running_cluster
from tests.chaos.rails.installed import TRAFFIC
from tests.chaos.schedules.plan import plan_of
from tests.chaos.schedules.regressions import REGRESSIONS
from tests.chaos.schedules.report import line_of, summary, told
from tests.chaos.schedules.run import Played, open_session, play
from tests.support.postgres import throw_away_folder

SCHEDULES_IN_A_CLUSTER = 10
SEED_MAX = 10**9


def seeds_of(environment: Mapping[str, str]) -> list[int]:
    """Which seeds to play."""
    if "SEED" in environment:
        return [int(environment["SEED"])]
    count = int(environment.get("SEEDS") or 20)
    base = int(environment.get("SEED_BASE") or random.SystemRandom().randrange(SEED_MAX))
    first = list(REGRESSIONS)[:count] if environment.get("REGRESSIONS") == "1" else []
    step = 1
    if environment.get("HANGS") == "0":
        base, step = base + base % 2, 2
    return [*first, *range(base, base + step * (count - len(first)), step)]


async def run(seeds: Sequence[int]) -> list[Played]:
    """Plays the seeds, a few to a cluster; a cluster that went wrong is kept and left."""
    left, played = list(seeds), []
    while left:
        with _folder() as folder:
            done = await _run_in(folder, _together(left))
        played += done
        tried = {each.plan.seed for each in done}
        left = [seed for seed in left if seed not in tried]
    return played


def _together(seeds: Sequence[int]) -> list[int]:
    """The seeds of the next cluster: those with as many processes of a service as the first."""
    wanted = plan_of(seeds[0]).replicas
    return [seed for seed in seeds if plan_of(seed).replicas == wanted][:SCHEDULES_IN_A_CLUSTER]


async def _run_in(folder: Path, seeds: Sequence[int]) -> list[Played]:
    """Plays seeds in one cluster up to the first that goes wrong; answers those played."""
    played: list[Played] = []
    env = {name: value for one in TRAFFIC.values() for name, value in one.in_schedules.items()}
    options = ClusterOptions(replicas=plan_of(seeds[0]).replicas, env=env)
    async with running_cluster(folder, options) as cluster, open_session(cluster) as session:
        for seed in seeds:
            played.append(await play(session, plan_of(seed)))
            print(line_of(played[-1]), flush=True)
            if not played[-1].is_good:
                session.history.save(folder / "history.jsonl")
                (folder / "failed").write_text(told(played[-1]))
                print(told(played[-1]), f"kept: {_kept(folder)}", sep="\n", flush=True)
                break
    return played


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes when nothing in it is worth a look."""
    with throw_away_folder("chaos") as folder:
        yield folder
        if (folder / "failed").exists():
            folder.rename(_kept(folder))


def _kept(folder: Path) -> Path:
    """Where the folder of a cluster that went wrong ends up."""
    return folder.with_name(f"{folder.name}-failed")


def main() -> int:
    """Runs the schedules; 1 when anything is wrong."""
    began, seeds = time.monotonic(), seeds_of(os.environ)
    played = asyncio.run(run(seeds))
    total = summary(played, seconds=time.monotonic() - began)
    print(json.dumps(total))
    return 0 if all(each.is_good for each in played) else 1


if __name__ == "__main__":
    sys.exit(main())
