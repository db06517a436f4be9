"""Which servers the tests run on: a container engine that is asked for must answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import kafka, postgres


@pytest.fixture
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether an engine answers."""
    for module in (kafka, postgres):
        monkeypatch.setattr(module, "docker_is_reachable", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("answers", [True, False], indirect=True)
def test_containers_are_the_ordinary_path_where_an_engine_answers(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (kafka.CHOICE, postgres.GIVEN):
        monkeypatch.delenv(name, raising=False)
    assert kafka.wants_apache_kafka() is answers
    assert postgres.wants_container() is answers


@pytest.mark.parametrize("answers", [True], indirect=True)
def test_the_embedded_servers_can_be_asked_for(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answers
    for name in (kafka.CHOICE, postgres.GIVEN):
        monkeypatch.setenv(name, "embedded")
    assert not kafka.wants_apache_kafka()
    assert not postgres.wants_container()


@pytest.mark.parametrize("answers", [False], indirect=True)
def test_nothing_takes_the_place_of_a_container_that_was_asked_for(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not answers
    for name in (kafka.CHOICE, postgres.GIVEN):
        monkeypatch.setenv(name, "container")
    with pytest.raises(pytest.UsageError, match="no container engine answers"):
        kafka.wants_apache_kafka()
    with pytest.raises(pytest.UsageError, match="no container engine answers"):
        postgres.wants_container()


def test_the_target_fails_and_says_so_where_no_engine_answers(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": str(tmp_path),
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.containers", "pytest"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 1
    assert "no container engine answers" in done.stderr
