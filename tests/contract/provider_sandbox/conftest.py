"""Fixtures: a key pair for the whole run, an opener of Daraja twins, and an ordinary one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provider_sandbox.daraja.credential import load_or_create
from tests.support.daraja_twin import DarajaTwin, OpenTwin, opener


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    load_or_create(folder)
    return folder


@pytest.fixture
def open_twin(keys: Path, tmp_path: Path) -> OpenTwin:
    return opener(keys, tmp_path)


@pytest.fixture
async def twin(open_twin: OpenTwin) -> AsyncIterator[DarajaTwin]:
    async with open_twin() as opened:
        yield opened
