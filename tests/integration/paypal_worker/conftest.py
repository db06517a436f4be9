"""A world of the PayPal worker for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.paypal_worker.world import Deaths, World, open_world


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch)


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path) as opened:
        yield opened
