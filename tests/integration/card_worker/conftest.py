"""The harness of the card worker, with a database and a twin for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.card_worker.harness import FAIL_POINTS_IN, CardWorkerHarness, open_worker
from tests.support.deaths import Deaths


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch, FAIL_POINTS_IN)


@pytest.fixture
async def worker(database: str, tmp_path: Path) -> AsyncIterator[CardWorkerHarness]:
    async with open_worker(database, tmp_path) as opened:
        yield opened
