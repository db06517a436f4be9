"""Fixtures: keys for the whole run, an opener of PayPal twins, and an ordinary one."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from provider_sandbox.paypal.certificates import load_or_create
from tests.support import paypal_twin


@pytest.fixture(scope="session")
def paypal_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paypal")
    load_or_create(folder)
    return folder


@pytest.fixture
def open_twin(keys: Path, paypal_keys: Path, tmp_path: Path) -> Callable[..., Any]:
    for file in (*keys.glob("*.pem"), *paypal_keys.glob("*.pem")):
        shutil.copy(file, tmp_path)
    return lambda **over: paypal_twin.open_twin(tmp_path, **over)


@pytest.fixture
async def twin(open_twin: Callable[..., Any]) -> AsyncIterator[paypal_twin.PayPalTwin]:
    async with open_twin() as opened:
        yield opened
