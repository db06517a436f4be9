"""A process that has ended is told from one that lives, and only where that is certain."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cift_shared.database.process_mark import is_dead, mark_of, own_mark

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="needs /proc")


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_living_process_is_not_dead(child: subprocess.Popen[bytes]) -> None:
    assert not is_dead(own_mark())
    assert not is_dead(mark_of(child.pid))


def test_a_stopped_process_is_not_dead(child: subprocess.Popen[bytes]) -> None:
    mark = mark_of(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert not is_dead(mark)


def test_a_killed_process_is_dead_before_and_after_its_parent_knows(
    child: subprocess.Popen[bytes],
) -> None:
    mark = mark_of(child.pid)
    assert mark is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(mark)
    child.wait()
    assert is_dead(mark)


def test_another_process_of_the_same_number_is_another(child: subprocess.Popen[bytes]) -> None:
    mark = mark_of(child.pid)
    assert mark is not None
    place, started = mark.rsplit("/", 1)
    assert is_dead(f"{place}/{int(started) - 1}")


@pytest.mark.parametrize("place", ["another-boot/pid:[4026531836]", "x/y"])
def test_nobody_can_tell_of_another_machine(place: str) -> None:
    assert not is_dead(f"{place}/1/1")
    assert not is_dead(None)
