"""The ledger's harness over a database for each test, emptied instead of copied."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.ledger.books import Books, open_books


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books that, whatever a test did to payments, still hold together at its end."""
    async with open_books(database) as opened:
        yield opened
        assert await opened.broken() == set()
