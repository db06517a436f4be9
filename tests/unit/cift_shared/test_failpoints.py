"""Fail points: who passes an armed place dies as if the power went, once in all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cift_shared import failpoints
from cift_shared.failpoints import FailpointFile, failpoint
from cift_shared.settings import FAILPOINT_FILE

PASSES = """
import sys
from cift_shared.failpoints import failpoint

for name in sys.argv[1:]:
    print(name, flush=True)
    failpoint(name)
print("alive", flush=True)
"""


class Killed(Exception):
    """In the place of a real SIGKILL."""


def start(file: Path | None, *names: str) -> subprocess.Popen[str]:
    """A process that passes these places."""
    env = {name: value for name, value in os.environ.items() if name != FAILPOINT_FILE}
    if file is not None:
        env[FAILPOINT_FILE] = str(file)
    return subprocess.Popen(
        [sys.executable, "-c", PASSES, *names],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(file: Path | None, *names: str) -> tuple[int, str]:
    process = start(file, *names)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker"


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_: int, how: int) -> None:
        assert how == signal.SIGKILL
        raise Killed

    monkeypatch.setattr(os, "kill", kill)


def test_a_process_dies_at_the_armed_pass(file: Path) -> None:
    file.write_text("worker.after_call:2\n")
    code, said = run(file, "worker.after_call", "worker.before_call", "worker.after_call", "x.y")
    assert code == -signal.SIGKILL
    assert "x.y" not in said
    assert not file.exists()


def test_of_two_processes_one_dies(file: Path) -> None:
    file.write_text("worker.after_call")
    two = [start(file, "worker.after_call") for _ in range(2)]
    for process in two:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in two) == [-signal.SIGKILL, 0]


def test_without_the_variable_nothing_is_looked_at(file: Path) -> None:
    file.write_text("worker.after_call")
    code, said = run(None, "worker.after_call")
    assert (code, "alive" in said, file.exists()) == (0, True, True)


def test_off_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_FILE", None)
    failpoint("worker.after_call")


def test_another_place_lives(file: Path, killed: None) -> None:
    point = FailpointFile(file)
    point.pass_by("worker.after_call")  # nothing is armed yet
    file.write_text("worker.after_call")
    point.pass_by("worker.before_call")
    assert file.exists()
    with pytest.raises(Killed):
        point.pass_by("worker.after_call")


def test_passes_count_from_the_arming(file: Path, killed: None) -> None:
    point = FailpointFile(file)
    for _ in range(2):  # the same words again: from the beginning
        written = file.with_suffix(".new")
        written.write_text("relay.after_publish:3")
        written.replace(file)
        point.pass_by("relay.after_publish")
        point.pass_by("relay.after_publish")
    with pytest.raises(Killed):
        point.pass_by("relay.after_publish")


@pytest.mark.parametrize(
    "text", ["", "worker", "worker.after_call:0", "worker.after_call:x", "a.b:1:stop", "\udcff.x"]
)
def test_words_that_name_no_pass_harm_nobody(file: Path, killed: None, text: str) -> None:
    file.write_bytes(text.encode(errors="surrogateescape"))
    FailpointFile(file).pass_by("worker.after_call")
    assert file.exists()


def test_words_that_name_no_pass_are_told_once(file: Path) -> None:
    file.write_text("worker.after_call:often")
    code, said = run(file, "worker.after_call", "worker.after_call")
    assert (code, said.count("failpoint.unreadable"), file.exists()) == (0, 1, True)
