"""The books that the benchmark fills by hand are as good as those that grew."""

import asyncpg
import pytest

from cift_shared.messaging.messages import PaymentResult
from tests.bench import ledger_load as load
from tests.bench.ledger_fill import CUSTOMERS, fill
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration


async def test_filled_books_pass_the_verifier_and_go_on(
    books: Books, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.bench.ledger_fill.CHUNK", 400)
    monkeypatch.setattr("tests.bench.ledger_fill.CUSTOMERS", 100)
    connection = await asyncpg.connect(database)
    try:
        assert await fill(connection, 3_000) == 1_000
    finally:
        await connection.close()
    assert await books.broken() == set()
    batches = await load.prepare(database, load.WARM_UP + 1, 20)
    assert await load.settle(database, batches, size=20, writers=1) > 0
    assert await books.balance("provider:mpesa:KES") == (1_060 * 10_000, 0)


def test_what_is_measured_is_what_workers_send() -> None:
    assert CUSTOMERS > 1
    PaymentResult.model_validate_json(load.settlement(load._ids.new_id()))
