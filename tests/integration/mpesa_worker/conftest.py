"""The harness of the M-Pesa worker, with a database and a twin for each test."""

from pathlib import Path

import pytest

from tests.integration.mpesa_worker.harness import OpenWorker, opener


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture
def open_worker(database: str, tmp_path: Path) -> OpenWorker:
    return opener(database, tmp_path)
