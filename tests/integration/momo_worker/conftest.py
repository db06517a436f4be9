"""Worlds of MTN MoMo's worker for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.momo_worker.harness import FAIL_POINTS_IN, MomoHarness, open_harness
from tests.support import momo
from tests.support.deaths import Deaths


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch, FAIL_POINTS_IN)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with momo.serving_twin(tmp_path) as http:
        yield http


@pytest.fixture(params=["UG", "RW"])
async def harness(
    request: Any, database: str, twin: httpx.AsyncClient
) -> AsyncIterator[MomoHarness]:
    """The worker of either country."""
    async with open_harness(database, twin, momo.COUNTRIES[request.param]) as opened:
        yield opened


@pytest.fixture
async def uganda(database: str, twin: httpx.AsyncClient) -> AsyncIterator[MomoHarness]:
    async with open_harness(database, twin) as opened:
        yield opened
