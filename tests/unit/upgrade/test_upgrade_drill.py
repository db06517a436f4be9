"""The upgrade drill: what counts as a failure, and what it says where it can't run."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.upgrade import __main__ as command
from tests.upgrade.drill import order_of_upgrade
from tests.upgrade.release import NoHistory, previous_commit, previous_release
from tests.upgrade.results import CHECKS, MUST_BE_EMPTY, is_good

GOOD: dict[str, Any] = {
    **dict.fromkeys([*MUST_BE_EMPTY, *CHECKS], ""),
    "restarts": 0,
    "movements": 7,
    "completed": 7,
    "books": "agree",
}
NO_COMMIT = "0" * 40


def test_a_report_without_findings_is_good() -> None:
    assert is_good(GOOD)


@pytest.mark.parametrize("name", sorted([*MUST_BE_EMPTY, *CHECKS]))
def test_any_finding_fails_the_drill(name: str) -> None:
    assert not is_good({**GOOD, name: "something"})


@pytest.mark.parametrize(
    "figures", [{"restarts": 1}, {"movements": 8}, {"completed": 8}, {"books": "differ"}], ids=str
)
def test_a_wrong_figure_fails_the_drill(figures: dict[str, Any]) -> None:
    assert not is_good({**GOOD, **figures})


def test_who_reads_a_message_is_upgraded_before_who_sends_it() -> None:
    services = ("gateway", "card-worker", "ledger", "mpesa-worker")
    assert order_of_upgrade(services) == ["ledger", "card-worker", "mpesa-worker", "gateway"]


def test_the_previous_release_is_one_commit() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", previous_commit())


def test_a_commit_that_git_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match=NO_COMMIT):
        previous_release(tmp_path, NO_COMMIT)


def test_without_history_the_command_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "previous_commit", lambda: NO_COMMIT)
    assert command.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "the project's history" in said.err
