"""Twins of Vodacom; their keys are made once."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from provider_sandbox.daraja import credential
from provider_sandbox.vodacom.keys import load_or_create
from tests.support.vodacom_twin import VodacomTwin, open_twin

OpenTwin = Callable[..., AbstractAsyncContextManager[VodacomTwin]]


@pytest.fixture(scope="session")
def vodacom_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vodacom")
    load_or_create(folder)
    credential.load_or_create(folder)
    return folder


@pytest.fixture
def opened(tmp_path: Path, vodacom_keys: Path) -> OpenTwin:
    for file in vodacom_keys.glob("*"):
        shutil.copy(file, tmp_path)
    return lambda **over: open_twin(tmp_path, **over)


@pytest.fixture
async def twin(opened: OpenTwin) -> AsyncIterator[VodacomTwin]:
    async with opened() as one:
        yield one
