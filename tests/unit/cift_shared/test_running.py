"""Loops beside a service: what ends them."""

import asyncio

import pytest

from cift_shared.runtime import service
from cift_shared.runtime.service import running


class GivesBackLate:
    """A loop whose cancellation is lost: giving something back fails while it is being stopped."""

    name = "gives-back-late"

    def __init__(self, *, tells: bool) -> None:
        self.runs = 0
        self._tells = tells

    async def run(self) -> None:
        """Wait; a stop ends in an error, or in nothing where the loop takes the error itself."""
        self.runs += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._tells:
                raise TimeoutError from None


@pytest.mark.parametrize("tells", [True, False])
async def test_a_stop_holds_although_an_error_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    monkeypatch.setattr(service, "PARTS_GRACE_S", 0.5)
    monkeypatch.setattr(service, "RESTART_S_MIN", 0.01)
    part = GivesBackLate(tells=tells)
    before = asyncio.all_tasks()
    async with running([part]):
        await asyncio.sleep(0)
    assert part.runs == 1
    assert asyncio.all_tasks() == before
