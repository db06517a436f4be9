"""Plays schedules in one world with the services that PYTHONPATH names, and judges it.

`python -m tests.chaos.mutants.one <seconds> <check,check,...> <schedule> ...` prints the verdict as
JSON on its last line.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.chaos.checker import Verdict
from tests.chaos.mutants.light import light_world
from tests.chaos.mutants.schedules import SCHEDULES, WITH_TWO
from tests.chaos.mutants.stage import on_stage
from tests.support.postgres import throw_away_folder


async def play(names: Sequence[str], wanted: Sequence[str], within_s: float) -> Verdict:
    """Play the schedules one after the other, then judge."""
    with throw_away_folder("mutant") as folder:
        replicas = 2 if WITH_TWO & set(names) else 1
        async with light_world(folder, replicas=replicas) as world, on_stage(world) as stage:
            for name in names:
                print(name, file=sys.stderr, flush=True)
                await SCHEDULES[name](stage)
            return await stage.judged(wanted, within_s)


def shown(verdict: Verdict) -> dict[str, Any]:
    """A verdict for who started us."""
    return {
        "findings": [
            {"kind": each.kind, "by": each.by, "words": str(each)} for each in verdict.findings
        ],
        **verdict.counts(),
    }


if __name__ == "__main__":
    seconds, checks, *schedules = sys.argv[1:]
    told = asyncio.run(play(schedules, checks.split(","), float(seconds)))
    print(json.dumps(shown(told)))
