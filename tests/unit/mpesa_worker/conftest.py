"""A processor over a scripted Daraja."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cift_shared.testing import FakeClock
from mpesa_worker.processor import MpesaProcessor
from tests.support import mpesa


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def script() -> mpesa.Script:
    return mpesa.Script()


@pytest.fixture
async def processor(
    script: mpesa.Script, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[MpesaProcessor]:
    built = mpesa.processor(mpesa.config(tmp_path), httpx.MockTransport(script), clock)
    yield built
    await built.close()
