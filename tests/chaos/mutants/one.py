"""Plays scenarios in one cluster with the services that PYTHONPATH names, and judges it.

`python -m tests.chaos.mutants.one <module> <seconds> <check,check,...> <scenario> ...` prints the
verdict as JSON on its last line. The module has the scenarios.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.chaos.checks.checker import Verdict
from tests.chaos.mutants.context import opened_context
from tests.chaos.mutants.light import light_cluster
from tests.support.postgres import throw_away_folder


async def play(
    module: str, names: Sequence[str], wanted: Sequence[str], within_s: float
) -> Verdict:
    """Play the scenarios one after the other, then judge."""
    with throw_away_folder("mutant") as folder:
        found = importlib.import_module(module)
        replicas = 2 if found.WITH_TWO & set(names) else 1
        async with (
            light_cluster(folder, replicas=replicas) as cluster,
            opened_context(cluster) as context,
        ):
            for name in sorted(names, key=list(found.SCENARIOS).index):
                print(name, file=sys.stderr, flush=True)
                await found.SCENARIOS[name](context)
            return await context.judged(wanted, within_s)


def shown(verdict: Verdict) -> dict[str, Any]:
    """A verdict for who started us."""
    return {
        "findings": [
            {"kind": each.kind, "by": each.by, "words": str(each)} for each in verdict.findings
        ],
        **verdict.counts(),
    }


if __name__ == "__main__":
    module, seconds, checks, *scenarios = sys.argv[1:]
    told = asyncio.run(play(module, scenarios, checks.split(","), float(seconds)))
    print(json.dumps(shown(told)))
