"""Fixtures: a key pair for the whole run, an opener of worlds, and an ordinary world."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provider_sandbox.daraja.credential import load_or_create
from tests.contract.provider_sandbox.world import OpenWorld, World, opener


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    load_or_create(folder)
    return folder


@pytest.fixture
def open_world(keys: Path, tmp_path: Path) -> OpenWorld:
    return opener(keys, tmp_path)


@pytest.fixture
async def world(open_world: OpenWorld) -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
