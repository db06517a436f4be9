"""The plugin's part of `make chaos` and `make chaos-mutants` fits the rails and the source."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cift_shared.database.migrations.function_files import parse
from tests.chaos.checks.checker import CHECKS
from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import ROOT, edited
from tests.plugin.chaos.installation import SITE, variables
from tests.plugin.chaos.mutants import MUTANTS
from tests.plugin.chaos.scenarios import SCENARIOS

PLANS = """
import json
from tests.chaos.cluster.cluster import LINKS, PARTS
from tests.chaos.schedules.plan import plan_of
steps = [(customer.rail, step.kind) for seed in range(60) for customer in plan_of(seed).customers
         for step in customer.steps]
targets = {fault.target for seed in range(200) for fault in plan_of(seed).faults}
print(json.dumps([sorted(set(steps)), sorted(targets), list(LINKS), list(PARTS)]))
"""


def test_schedules_use_both_rails_and_kill_their_processes() -> None:
    with variables() as more:
        env = {**os.environ, **more, "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT)])}
        argv = [sys.executable, "-c", PLANS]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, env=env, cwd=ROOT)
    steps, targets, links, parts = json.loads(done.stdout)
    for kind in ("reverse", "reinstate", "verify", "refund"):
        assert ["demopay", kind] in steps
    assert ["demopoll", "cancel"] in steps
    assert ["card", "reverse"] not in steps
    assert {"demopay-worker", "demopoll-signer", "demopay-worker>provider"} <= set(targets)
    assert "demopay-twin" not in targets, "its records do not survive its death"
    assert "demopay-worker>postgres" in links
    assert "demopay-twin" in parts


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_bug_fits_the_source(mutant: Mutant) -> None:
    texts = {edit.path: (ROOT / edit.path).read_text() for edit in mutant.edits}
    for edit in mutant.edits:
        texts[edit.path] = edited(texts[edit.path], edit)
    for path, text in texts.items():
        if path.endswith(".py"):
            ast.parse(text)
        else:
            before = parse("ledger", Path(path).name, (ROOT / path).read_text())
            assert parse("ledger", Path(path).name, text).revision > before.revision


def test_every_bug_has_a_scenario_and_a_check() -> None:
    assert {mutant.scenario for mutant in MUTANTS} == set(SCENARIOS)
    checks = {each.__name__ for each in CHECKS}
    assert all(set(mutant.found_by) <= checks for mutant in MUTANTS)
