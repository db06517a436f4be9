"""Thousands of seeds: whatever fails, dies, repeats or comes late, the books are right in the end.

A seed that fails is named; `python -m tests.simulation <seed>` lives through it again and prints
every line.
"""

import os

import pytest

from tests.simulation.simulation import Simulation

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
FIRST = int(os.environ.get("SIMULATION_SEED_BASE", "0"))
PART = 100

REGRESSIONS = (32, 57, 544, 867, 1004, 1023, 1150, 1215)
"""Seeds that failed once, for good."""


@pytest.mark.parametrize("begin", range(FIRST, FIRST + SEEDS, PART))
def test_every_seed_ends_with_right_books(begin: int) -> None:
    reports = [Simulation(seed).run() for seed in range(begin, begin + PART)]
    failed = [str(report) for report in reports if report.findings]
    assert not failed, "\n".join(failed)
    assert sum(report.payments for report in reports) >= PART
    assert sum(report.deaths for report in reports) >= PART // 2


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_failed_once(seed: int) -> None:
    report = Simulation(seed).run()
    assert not report.findings, str(report)
