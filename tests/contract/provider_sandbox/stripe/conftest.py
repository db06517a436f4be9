"""Fixtures: an opener of Stripe twins, and an ordinary one."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.stripe_twin import StripeWorld, open_twin


@pytest.fixture
def open_world(keys: Path, tmp_path: Path) -> Callable[..., Any]:
    for file in keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return lambda **over: open_twin(tmp_path, **over)


@pytest.fixture
async def world(open_world: Callable[..., Any]) -> AsyncIterator[StripeWorld]:
    async with open_world() as opened:
        yield opened
