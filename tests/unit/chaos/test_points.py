"""No fail point without a case in the directed run, and no case for a point that is gone."""

import pytest

from tests.chaos.cluster.cluster import SERVICES
from tests.chaos.points.cases import SCENARIOS, TABLE, all_cases
from tests.chaos.points.registry import DuplicateName, names_in, points_of


@pytest.mark.parametrize("service", SERVICES)
def test_every_point_of_a_service_has_a_case_and_every_case_a_point(service: str) -> None:
    assert set(TABLE[service]) == set(points_of(service))


def test_every_case_has_a_scenario_and_every_scenario_a_case() -> None:
    assert {case.scenario for case in all_cases()} == set(SCENARIOS)
    assert len(set(all_cases())) == len(all_cases())


def test_points_are_found_wherever_they_stand() -> None:
    source = "def f():\n    if x:\n        failpoint('worker.after_call')\n    other('a.b')\n"
    assert names_in(source) == [("worker.after_call", 3)]


def test_a_name_that_is_not_written_out_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1"):
        names_in("failpoint(f'worker.{moment}')")


def test_a_name_used_twice_in_a_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:

    from tests.chaos.points import registry

    twice = [("worker.after_call", "a.py:1"), ("worker.after_call", "a.py:9")]
    monkeypatch.setattr(registry, "_calls", lambda _: twice)
    with pytest.raises(DuplicateName):
        points_of("ledger")
