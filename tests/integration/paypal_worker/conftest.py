"""Worlds of the PayPal worker for each test; the keys of twins are made once."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from provider_sandbox.paypal.certificates import load_or_create
from tests.integration.paypal_worker.harness import PayPalHarness, open_harness
from tests.integration.paypal_worker.notices_harness import NoticesHarness
from tests.integration.paypal_worker.notices_harness import open_harness as open_notices_harness
from tests.support.deaths import Deaths

FAIL_POINTS_IN = (
    "cift_shared.attempts.engine",
    "paypal_worker.deposits",
    "paypal_worker.payout_places",
    "paypal_worker.payout_sender",
    "paypal_worker.refunds",
    "paypal_worker.shared_payouts",
    "paypal_worker.token_store",
    "paypal_worker.transport",
)
"""Modules in which a task can die."""


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    return Deaths(monkeypatch, FAIL_POINTS_IN)


@pytest.fixture
async def harness(database: str, tmp_path: Path) -> AsyncIterator[PayPalHarness]:
    async with open_harness(database, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def twin_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paypal")
    load_or_create(folder)
    return folder


@pytest.fixture
def open_notices(
    database: str, twin_keys: Path, tmp_path: Path
) -> Callable[..., AbstractAsyncContextManager[NoticesHarness]]:
    for file in twin_keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return lambda **over: open_notices_harness(database, tmp_path, **over)


@pytest.fixture
async def notices(open_notices: Callable[..., Any]) -> AsyncIterator[NoticesHarness]:
    async with open_notices() as opened:
        yield opened
