"""A database for each test, emptied instead of copied."""

import pytest


@pytest.fixture
async def database(emptied_database: str) -> str:
    return emptied_database
