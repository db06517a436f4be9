"""A seed is a promise: the same one lives through the same, line by line, in any process."""

import os
import subprocess
import sys

import pytest

from tests.simulation.simulation import Simulation

SEEDS = (3, 7, 20, 41, 58)


def test_the_same_seed_lives_through_the_same() -> None:
    for seed in SEEDS:
        assert Simulation(seed).run().digest == Simulation(seed).run().digest


def test_another_seed_does_not() -> None:
    assert len({Simulation(seed).run().digest for seed in range(10)}) == 10


def test_keeping_the_lines_changes_nothing() -> None:
    kept = Simulation(SEEDS[0], keep_lines=True).run()
    assert len(kept.lines) > 20
    assert kept.digest == Simulation(SEEDS[0]).run().digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_lives_through_the_same(hash_seed: str) -> None:
    program = (
        "from tests.simulation.simulation import Simulation\n"
        f"for seed in {SEEDS}: print(Simulation(seed).run().digest)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [Simulation(seed).run().digest for seed in SEEDS]
