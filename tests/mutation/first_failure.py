"""Part of pytest in a child of the server: the first failure is all that a change has to cause."""

from collections.abc import Collection, Sequence

import pytest
from hypothesis import Phase, settings

_PROFILE = "mutation"


class FirstFailure:
    """Runs the tests first that have noticed earlier changes; remembers which one fails."""

    def __init__(self, first: Collection[str] = ()) -> None:
        self.test = ""
        """The name of the test that failed; empty: none did."""
        self._first = list(first)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The most recent of them comes first, the rest stays in order."""
        places = {name: place for place, name in enumerate(self._first)}
        items.sort(key=lambda item: places.get(item.nodeid, len(places)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes the first failure."""
        if report.failed and not self.test:
            self.test = report.nodeid


class Noticers:
    """Which tests have noticed changes lately: they are likely to notice the next ones, too."""

    MOST = 12

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], list[str]] = {}

    def of(self, tests: Sequence[str]) -> list[str]:
        """Of these tests, the most recent first."""
        return self._names.get(tuple(tests), [])

    def note(self, tests: Sequence[str], name: str) -> None:
        """One of these tests has noticed a change."""
        known = [one for one in self.of(tests) if one != name]
        self._names[tuple(tests)] = [name, *known][: self.MOST]


def find_no_smaller_examples() -> None:
    """A failure of hypothesis ends the child at once; tests that set no phases inherit this."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(_PROFILE, phases=phases, database=None)
    settings.load_profile(_PROFILE)
