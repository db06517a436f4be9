"""Books over a fresh database."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.ledger.books import Books, open_books


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books that, whatever a test did to payments, still hold together at its end."""
    async with open_books(database) as opened:
        yield opened
        assert await opened.broken() == set()
