"""Judges the mutants of modules, prints what survived, and adds up the scores."""

import ast
import multiprocessing
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from tests.mutation import server
from tests.mutation.changes import Mutant, mutants_of
from tests.mutation.equivalents import ListBroken, check_equivalents
from tests.mutation.importing import path_of
from tests.mutation.targets import LEAST_PERCENT

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Score:
    """What became of the mutants of a module."""

    module: str
    mutants: int
    equivalent: int
    survivors: tuple[Mutant, ...]

    @property
    def percent(self) -> float:
        """Noticed, of those that can be; 100 where there are none."""
        judged = self.mutants - self.equivalent
        return 100 * (judged - len(self.survivors)) / judged if judged else 100.0

    @property
    def is_enough(self) -> bool:
        """True at or above what every module must reach."""
        return self.percent >= LEAST_PERCENT


def judge_module(
    module: str, tests: Sequence[str], known: Mapping[str, str], *, parallel: int
) -> Score:
    """Changes a module in every way and runs its tests each time.

    Call it in a process of its own: it loads modules for good.

    Raises:
        UnsoundTests: the tests fail without a change.
        ListBroken: the list of equivalents names a mutant that is not there.
    """
    source = path_of(module).read_text("utf-8")
    mutants = mutants_of(module, source)
    check_equivalents(known, module, mutants)
    candidates = [mutant for mutant in mutants if mutant.name not in known]
    baseline = server.measure(tests)
    server.load_for(module, baseline)
    unchanged = server.python_change(module, ast.parse(source))
    baseline = server.check_server(server.Run(unchanged, tests), baseline)
    runs = [server.Run(server.python_change(module, mutant.tree), tests) for mutant in candidates]
    survivors = [
        candidates[place]
        for place, noticed, _ in server.judge(runs, baseline, parallel=parallel)
        if not noticed
    ]
    survivors = [replace(mutant, tree=ast.Module([], [])) for mutant in survivors]
    survivors.sort(key=lambda mutant: mutant.line)
    return Score(module, len(mutants), len(mutants) - len(candidates), tuple(survivors))


def judge_apart(
    module: str, tests: Sequence[str], known: Mapping[str, str], *, parallel: int
) -> Score:
    """The same in a process of its own; raises alike."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    work = (sending, module, list(tests), dict(known), parallel)
    process = context.Process(target=_send_score, args=work)
    process.start()
    sending.close()
    try:
        told = receiving.recv()
    except EOFError:
        raise server.UnsoundTests(f"the server of {module} died") from None
    finally:
        process.join()
    if isinstance(told, Exception):
        raise told
    assert isinstance(told, Score)
    return told


def _send_score(
    sending: Connection, module: str, tests: list[str], known: dict[str, str], parallel: int
) -> None:
    try:
        sending.send(judge_module(module, tests, known, parallel=parallel))
    except (server.UnsoundTests, ListBroken) as broken:
        sending.send(broken)


def report(score: Score) -> str:
    """A line for the module and one for each survivor."""
    judged = score.mutants - score.equivalent
    lines = [f"{score.module}: {score.percent:.0f} % of {judged} ({score.equivalent} equivalent)"]
    path = os.path.relpath(path_of(score.module), ROOT)
    lines += [f"  survived {path}:{mutant.line}\n    {mutant.name}" for mutant in score.survivors]
    return "\n".join(lines)


def changed_since(ref: str, modules: Sequence[str]) -> list[str]:
    """Those of the modules whose file differs from a git ref."""
    names = subprocess.run(
        ["git", "diff", "--name-only", ref, "--"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    touched = {ROOT / name for name in names}
    return [module for module in modules if path_of(module) in touched]
