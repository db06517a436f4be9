"""Worlds of M-Pesa Tanzania for each test; the key of the twin is made once."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provider_sandbox.vodacom.keys import load_or_create
from tests.integration.vodacom_worker.harness import VodacomHarness, open_harness
from tests.support.deaths import Deaths


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    modules = ("vodacom_worker.client", "vodacom_worker.session_store")
    return Deaths(monkeypatch, [*modules, "cift_shared.attempts.engine"])


@pytest.fixture(scope="session")
def twin_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vodacom")
    load_or_create(folder)
    return folder


@pytest.fixture
def folder(twin_keys: Path, tmp_path: Path) -> Path:
    for file in twin_keys.glob("vodacom-*"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
async def harness(database: str, folder: Path) -> AsyncIterator[VodacomHarness]:
    async with open_harness(database, folder) as opened:
        yield opened


@pytest.fixture
async def held(database: str, folder: Path) -> AsyncIterator[VodacomHarness]:
    """In synchronous use: a call is open until its result is known."""
    async with open_harness(database, folder, flow="synchronous") as opened:
        yield opened
