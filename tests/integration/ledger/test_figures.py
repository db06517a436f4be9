"""What the ledger exports about the business: balances of our accounts, and open differences."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from cift_shared.database.pool import open_pool
from ledger.cli.session import operator_session
from ledger.reports.figures import Figures
from tests.integration.ledger.books import Books
from tests.integration.ledger.test_reconciliation import DAY, change, line, reconcile

pytestmark = pytest.mark.integration

PLACE = {"mode": "test", "method": "mpesa"}


@pytest.fixture
async def figures(database: str) -> AsyncIterator[Figures]:
    pool = await open_pool(database, role="cift_ledger", size_max=1)
    yield Figures(pool)
    await pool.close()


@pytest.fixture
async def operator(database: str) -> AsyncIterator[Any]:
    async with operator_session(database) as connection:
        yield connection


def seen(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"cift_{name}", {**PLACE, **labels})


async def test_fees_and_what_a_provider_holds(books: Books, figures: Figures) -> None:
    await books.settled_deposit()
    await figures.read()
    fees = await books.balance("fees:mpesa:KES")
    assert fees[0] != 0
    assert seen("house_account_minor_units", kind="fees", currency="KES") == abs(fees[0])
    assert seen("house_account_minor_units", kind="provider", currency="KES") == 10_000
    assert seen("discrepancies_open") is None


async def test_an_open_difference_until_it_is_closed(
    books: Books, figures: Figures, operator: Any
) -> None:
    await reconcile(operator, line("UKN4", 7_700))
    await figures.read()
    assert seen("discrepancies_open") == 1
    assert seen("discrepancy_minor_units", currency="KES") == 7_700
    since = seen("discrepancy_oldest_timestamp_seconds")
    assert since is not None
    assert since > DAY.timestamp()
    assert seen("house_account_minor_units", kind="suspense", currency="KES") == 7_700
    until = seen("reconciled_until_timestamp_seconds", currency="KES")
    assert until is not None
    assert until > DAY.timestamp()
    (number,) = [
        row["discrepancy_id"] for row in await books.admin.fetch("table ledger.discrepancy")
    ]
    await change(operator, number, "close", write_off="provider-costs")
    await figures.read()
    assert seen("discrepancies_open") is None
    assert seen("discrepancy_minor_units", currency="KES") is None
