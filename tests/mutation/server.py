"""Runs the tests of one module once for each of its mutants, each in a forked child.

The server loads what the changed module can't reach (pytest, libraries, most of our code) once.
A child compiles the changed module where it is imported, loads what sees it, and runs the tests
up to the first failure. Processor time is limited, not only the clock: a busy machine kills no
mutant.
"""

import ast
import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import resource
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.first_failure import FirstFailure, Noticers, find_no_smaller_examples
from tests.mutation.importing import is_ours, out_of_reach, path_of

_OPTIONS = (
    "-x", "-q", "-s", "--no-header", "--assert=plain", "-p", "no:randomly",
    "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0", "--tb=no",
)  # fmt: skip
_CPU_S_LEAST = 4
_WALL_S_LEAST = 120
_FACTOR = 5
_MEMORY_BYTES = 2 * 2**30
"""An endless loop may gather things until the machine has no memory left."""


class UnsoundTests(Exception):
    """The tests fail without any change."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """One run without a change: what it took, and what it loaded."""

    cpu_s: float
    wall_s: float
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One change and the tests that must notice it."""

    change: Callable[[], None]
    tests: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Running:
    """A child at work."""

    place: int
    run: Run
    began: float
    pipe: int
    """On which it tells the test that failed."""


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, changed."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self._module = module
        self._path = str(path_of(module))
        self._code = compile(tree, self._path, "exec")

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answers for the changed module only."""
        if fullname != self._module:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self._path)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Runs the changed module."""
        exec(self._code, module.__dict__)


class _Withheld(importlib.abc.MetaPathFinder):
    """Refuses one module: whatever imports it, in any way, is loaded after its change only."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Raises ImportError for the module."""
        if fullname == self._module:
            raise ImportError(f"{fullname} is to be changed")


def run_tests(tests: Sequence[str], plugin: FirstFailure | None = None) -> int:
    """Runs pytest in this process; its exit status."""
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    find_no_smaller_examples()
    return int(pytest.main([*_OPTIONS, *tests], plugins=[plugin] if plugin else None))


def measure(tests: Sequence[str]) -> Baseline:
    """Runs the tests without a change, in a child.

    Raises:
        UnsoundTests: they fail, so they can judge nothing.
    """
    reading, writing = os.pipe()
    began = time.monotonic()
    child = _fork(lambda: _tell_modules(writing, run_tests(tests)))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(child, 0)
    if status or not told:
        raise UnsoundTests(" ".join(tests))
    cpu_s = usage.ru_utime + usage.ru_stime
    return Baseline(cpu_s, time.monotonic() - began, tuple(json.loads(told)))


def _tell_modules(pipe: int, status: int) -> int:
    # in the order in which they were loaded: some can't be the first of their package
    with os.fdopen(pipe, "w") as telling:
        json.dump(list(sys.modules), telling)
    return status


def load(names: Sequence[str]) -> None:
    """Imports what can be imported, for every child to come."""
    for name in names:
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)


def load_for(module: str, baseline: Baseline) -> None:
    """Loads all that a change of the module can't reach, but for the tests themselves."""
    own = module.partition(".")[0]
    ours = [name for name in baseline.modules if is_ours(name) or name.partition(".")[0] == own]
    withheld = _Withheld(module)
    sys.meta_path.insert(0, withheld)
    load([name for name in baseline.modules if name not in ours and not _is_test(name)])
    load(_safe(module, [name for name in ours if not _is_test(name)]))
    sys.meta_path.remove(withheld)


def _safe(module: str, ours: Sequence[str]) -> list[str]:
    """Those of our modules that see nothing of one; learned in a child that loads them all."""
    reading, writing = os.pipe()

    def tell() -> int:
        sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _Withheld)]
        load(ours)
        with os.fdopen(writing, "w") as pipe:
            json.dump(out_of_reach(module, ours), pipe)
        return 0

    child = _fork(tell)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return list(json.loads(told)) if told else []


def _is_test(name: str) -> bool:
    return name.rpartition(".")[2].startswith(("test_", "conftest"))


def judge(
    runs: Sequence[Run], baseline: Baseline, *, parallel: int
) -> Iterator[tuple[int, bool, str]]:
    """Carries out each run in a child; its place, whether it was noticed, and the test that did."""
    running: dict[int, _Running] = {}
    waiting, noticers = list(enumerate(runs)), Noticers()
    while waiting or running:
        while waiting and len(running) < parallel:
            place, run = waiting.pop(0)
            reading, writing = os.pipe()
            first = noticers.of(run.tests)
            child = _fork(partial(_changed_run, run, baseline, first, writing))
            os.close(writing)
            running[child] = _Running(place, run, time.monotonic(), reading)
        for ended, noticed, name in _ended(running, baseline):
            if name:
                noticers.note(ended.run.tests, name)
            yield ended.place, noticed, name


def _make_children_quick() -> None:
    """What each child would do again: look through all that is loaded, read certificates."""
    if not hasattr(ssl.create_default_context, "cache_info"):
        vars(ssl)["create_default_context"] = functools.cache(ssl.create_default_context)
    gc.collect()
    gc.freeze()


def _ended(
    running: dict[int, _Running], baseline: Baseline
) -> Iterator[tuple[_Running, bool, str]]:
    """Children that have ended, whether a test has noticed the change, and which one."""
    wall_s = max(_WALL_S_LEAST, baseline.wall_s * _FACTOR)
    for child, one in list(running.items()):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == 0 and time.monotonic() - one.began > wall_s:
            os.kill(child, 9)
            pid, status = os.waitpid(child, 0)
        if pid:
            del running[child]
            with os.fdopen(one.pipe) as pipe:
                yield one, status != 0, pipe.read()
    time.sleep(0.005)


def _changed_run(
    run: Run, baseline: Baseline, first: Sequence[str] = (), pipe: int | None = None
) -> int:
    limit_s = int(max(_CPU_S_LEAST, baseline.cpu_s * _FACTOR))
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    run.change()
    plugin = FirstFailure(first)
    status = run_tests(run.tests, plugin)
    if pipe is not None:
        os.write(pipe, plugin.test.encode())
    return status


def python_change(module: str, tree: ast.Module) -> Callable[[], None]:
    """What a child does to have a module changed."""
    return lambda: sys.meta_path.insert(0, _Changed(module, tree))


def check_server(unchanged: Run, baseline: Baseline) -> Baseline:
    """Sees that the way of a change changes nothing by itself: else all would look noticed.

    Answers what a run takes in a child that has nothing to load any more.

    Raises:
        UnsoundTests: the tests fail with a "change" to what is there already.
    """
    _make_children_quick()
    began = time.monotonic()
    child = _fork(partial(_changed_run, unchanged, baseline))
    _, status, usage = os.wait4(child, 0)
    if status:
        raise UnsoundTests(f"{' '.join(unchanged.tests)}, in a child of the server")
    cpu_s = usage.ru_utime + usage.ru_stime
    return replace(baseline, cpu_s=cpu_s, wall_s=time.monotonic() - began)


def _fork(work: Callable[[], int]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = work()
    finally:
        os._exit(status)
