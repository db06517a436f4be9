"""Fixtures: an opener of Stripe twins, and an ordinary one."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import stripe_twin


@pytest.fixture
def open_twin(keys: Path, tmp_path: Path) -> Callable[..., Any]:
    for file in keys.glob("*.pem"):
        shutil.copy(file, tmp_path)
    return lambda **over: stripe_twin.open_twin(tmp_path, **over)


@pytest.fixture
async def twin(open_twin: Callable[..., Any]) -> AsyncIterator[stripe_twin.StripeTwin]:
    async with open_twin() as opened:
        yield opened
