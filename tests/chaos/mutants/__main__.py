"""`make chaos-mutants`: is every seeded bug found, and found by the checker?

    python -m tests.chaos.mutants [name ...]

First every scenario is played in a cluster without a bug: it must be sound. Then each mutant has a
cluster of its own. The last line is JSON; the status is 1 when a mutant survives.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.mutants.catalogue import SUITE
from tests.chaos.mutants.mutant import Mutant, Suite
from tests.chaos.mutants.source import ROOT, mutated, snapshot

SOUND_WITHIN_S = 60
FOUND_WITHIN_S = 60
RUN_TIMEOUT_S = 1_800
GIVEN_SERVERS = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}
STARTS = 2
"""Another program may take a port that a cluster has chosen: then it is started once more."""
CLUSTERS = 2
"""At a time: a cluster waits more than it works."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    caught_by: str
    """Empty: it survived."""
    words: str
    seconds: float


def main(names: Sequence[str], suite: Suite = SUITE) -> int:
    """Run the mutants of these names, or all; answers the exit status."""
    chosen = [mutant for mutant in suite.mutants if not names or mutant.name in names]
    if names and len(chosen) != len(set(names)):
        print(f"no such mutant; there are {', '.join(m.name for m in suite.mutants)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="cift-mutants-") as name:
        folder = Path(name)
        snapshot(folder / "sound")
        if not _is_sound(suite, chosen, folder):
            return 1
        outcomes = []
        with ThreadPoolExecutor(CLUSTERS) as clusters:
            for outcome in clusters.map(lambda mutant: _try(suite, mutant, folder), chosen):
                outcomes.append(outcome)
                print(_line(outcome), flush=True)
    caught = sum(1 for outcome in outcomes if outcome.caught_by)
    print(json.dumps({"mutants": len(outcomes), "caught": caught}))
    return 0 if caught == len(outcomes) else 1


def _is_sound(suite: Suite, chosen: Sequence[Mutant], folder: Path) -> bool:
    """Whether the scenarios end well where there is no bug."""
    began = time.monotonic()
    used = {mutant.scenario for mutant in chosen}
    path = mutated((), folder / "sound", folder / "as it is")
    findings = []
    for together in (used - suite.with_two, used & suite.with_two):
        if names := sorted(together):
            verdict = _play(suite, names, [], SOUND_WITHIN_S, path)
            findings += [finding["words"] for finding in verdict["findings"]]
    words = "; ".join(findings) or "sound"
    print(f"{'(no bug)':22} {words}  {time.monotonic() - began:.0f} s", flush=True)
    return not findings


def _try(suite: Suite, mutant: Mutant, folder: Path) -> Outcome:
    began = time.monotonic()
    path = mutated(mutant.edits, folder / "sound", folder / mutant.name)
    verdict = _play(suite, [mutant.scenario], mutant.found_by, FOUND_WITHIN_S, path)
    found = [each for each in verdict["findings"] if each["by"] in mutant.found_by]
    others = "; ".join(each["words"] for each in verdict["findings"])
    return Outcome(
        mutant,
        f"{found[0]['kind']} ({found[0]['by']})" if found else "",
        found[0]["words"] if found else others or "nothing was found",
        time.monotonic() - began,
    )


def _play(
    suite: Suite, scenarios: Sequence[str], checks: Sequence[str], within_s: float, path: str
) -> dict[str, Any]:
    """The verdict over scenarios played with the services on this path."""
    options = [suite.scenarios, str(within_s), ",".join(checks)]
    env = {name: value for name, value in os.environ.items() if name not in GIVEN_SERVERS}
    env |= {**suite.env, "PYTHONPATH": os.pathsep.join([path, *suite.path])}
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.mutants.one", *options, *scenarios],
            check=False, capture_output=True, text=True, cwd=ROOT, timeout=RUN_TIMEOUT_S, env=env,
        )  # fmt: skip
        if not done.returncode:
            verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return verdict
        print(done.stderr[-4000:], file=sys.stderr)
    # which proves nothing: a finding of no check
    return {"findings": [{"kind": "", "by": "", "words": "the cluster did not start or end well"}]}


def _line(outcome: Outcome) -> str:
    mark = outcome.caught_by or "SURVIVED"
    return f"{outcome.mutant.name:22} {mark:52} {outcome.seconds:3.0f} s  {outcome.words}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
