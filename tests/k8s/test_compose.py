"""The containers of `deploy/compose` have every setting that their service requires."""

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from cift_local.compose import KAFKA_PORT, write_settings
from cift_local.stack import PREFERRED_OPS_PORTS, PREFERRED_PORTS, SERVICES
from cift_shared.rails.local import local_processes, local_twins
from tests.compose.__main__ import program
from tests.images import engine
from tests.k8s.rendered import ROOT
from tests.k8s.service_settings import SETTINGS, missing

pytestmark = pytest.mark.k8s
FILE = ROOT / "deploy" / "compose" / "compose.yaml"
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = {*SERVICES, *local_processes(), *(twin.name for twin in local_twins())}
SERVERS = {"machine", "postgres", "kafka", "migrate", "topics"}


@pytest.fixture
def written(tmp_path: Path) -> dict[str, str]:
    """The variables of every container of ours."""
    write_settings(tmp_path)
    for file in (tmp_path / "stack.env", tmp_path / "postgres.env"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = (tmp_path / "stack.env").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_every_process_of_the_local_stack_is_a_container() -> None:
    assert CONTAINERS.keys() == OURS | SERVERS


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_no_required_setting_is_missing(name: str, written: dict[str, str]) -> None:
    given = written | CONTAINERS[name].get("environment", {})
    assert missing(SETTINGS[name], given) == []


def test_each_listens_where_the_others_look_for_it() -> None:
    for name in OURS:
        own = CONTAINERS[name]["environment"]
        ports = {
            own.get("CIFT_OPS_PORT"),
            own.get("CIFT_SANDBOX_HTTP_PORT"),
            own.get("CIFT_HTTP_PORT"),
        }
        expected = {PREFERRED_PORTS.get(name), PREFERRED_OPS_PORTS.get(name)}
        assert expected - {None} <= ports, name
    listeners = CONTAINERS["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert listeners.endswith(f":{KAFKA_PORT}")


@pytest.mark.parametrize(
    ("answers", "command"), [("docker", ["docker", "compose"]), ("podman", ["podman-compose"])]
)
def test_the_smoke_test_takes_the_command_of_the_engine_that_answers(
    answers: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMPOSE", raising=False)
    monkeypatch.setattr(engine, "program", lambda: answers)
    assert program() == command


def test_only_the_api_is_published_and_only_on_this_machine() -> None:
    published = {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each}
    assert published.keys() == {"machine"}
    assert all(port.startswith("127.0.0.1:") for port in published["machine"])


def test_our_containers_are_as_restricted_as_pods() -> None:
    for name in (*sorted(OURS), "migrate", "topics"):
        assert CONTAINERS[name]["read_only"] is True
        assert CONTAINERS[name]["cap_drop"] == ["ALL"]
        assert CONTAINERS[name]["security_opt"] == ["no-new-privileges:true"]
