"""Tasks that die at a named place, as in a power cut: nothing after it happens, leases stay."""

from collections.abc import Sequence

import pytest

from tests.support.eventually import eventually


class Died(BaseException):
    """A task that ended as in a power cut."""


class Deaths:
    """Places at which a task dies, once each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, modules: Sequence[str]) -> None:
        """`modules` are those whose fail points count."""
        self._places: dict[str, int] = {}
        self.met: list[str] = []
        for module in modules:
            monkeypatch.setattr(f"{module}.failpoint", self.pass_by)

    def at(self, place: str, *, times: int = 1) -> None:
        """Die there, so many times."""
        self._places[place] = times

    def pass_by(self, place: str) -> None:
        if self._places.get(place, 0) > 0:
            self._places[place] -= 1
            self.met.append(place)
            raise Died(place)

    async def have_met(self, place: str) -> None:
        async def look() -> bool:
            return place in self.met

        await eventually(look, f"the death at {place}")
