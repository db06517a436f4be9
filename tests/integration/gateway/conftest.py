"""A gateway over a fresh database for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.gateway import RunningGateway, running_gateway


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(database) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway) -> httpx.AsyncClient:
    return await gateway.client()
