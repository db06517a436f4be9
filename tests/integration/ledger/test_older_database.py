"""Books of the release that knew exact amounts and whole reversals only go on as they were."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cift_local.waiting import run_in_thread
from cift_shared.database.migrations import find_migrations, migrate
from cift_shared.database.migrations.files import number_of
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from ledger.chain.compare import compare
from ledger.chain.hash_chain import head_of_journal
from tests.integration.gateway.test_older_database import BEFORE, set_json
from tests.integration.ledger.books import NOON, Books, Paid, command_row, open_books
from tests.integration.ledger.test_rebuild import empty, log_of, replay, snapshot
from tests.integration.ledger.test_reversals import again, back
from tests.integration.ledger.test_reversals_and_disputes import came_back
from tests.support.postgres import PgServer

__all__ = ["empty"]
pytestmark = pytest.mark.integration


@dataclass
class Older:
    """What the older release left in its database."""

    connection: "asyncpg.Connection[Any]"
    payments: dict[str, Paid] = field(default_factory=dict)

    async def accept(self, name: str, kind: str, minor: int, fee: int, net: int) -> Paid:
        row = command_row(kind, minor, fee, net)
        await self.connection.execute("select ledger.accept_payment($1)", row)
        self.payments[name] = Paid(UUID(row["payment_id"]), kind, minor, "KES")
        return self.payments[name]

    async def tell(self, *results: PaymentResult) -> None:
        for result in results:
            body = f"[{result.model_dump_json(exclude_none=True)}]"
            await self.connection.execute("select ledger.apply_results($1::text::jsonb)", body)

    async def aftermath(self, result: PaymentResult) -> str:
        body = result.model_dump_json(exclude_none=True, exclude={"reversal_reference"})
        statement = "select ledger.apply_aftermath($1::text::jsonb, null)"
        return str(await self.connection.fetchval(statement, body))

    async def live(self) -> None:
        """Deposits reversed, refused a part of a reversal, and resolved by people; a withdrawal."""
        for name in ("reversed", "in_part", "open"):
            await self.accept(name, "deposit", 10_000, 250, 9_750)
        other = await self.accept("resolved", "deposit", 10_000, 250, 9_750)
        paid, part = self.payments["reversed"], self.payments["in_part"]
        await self.tell(paid.result("settled", seq=9), part.result("settled", seq=9))
        await self.tell(other.result("settled", seq=9, amount=Money(9_000, "KES")))
        out = await self.accept("out", "withdrawal", 4_000, 100, 4_100)
        await self.tell(out.result("settled", seq=9))
        assert await self.aftermath(came_back(paid)) == "applied"
        assert await self.aftermath(came_back(out)) == "applied"
        assert await self.aftermath(came_back(part, amount=Money(1, "KES"))) == "conflict"
        order = {
            "payment_id": str(other.payment_id), "as": "completed", "fee": "200",
            "operator": "amina", "reason": "it arrived", "at": NOON.isoformat(),
        }  # fmt: skip
        await self.connection.execute("select ledger.resolve($1)", order)


async def make_older(address: str) -> dict[str, Paid]:
    """Such a database, migrated to this release; answers its payments."""
    old = [m for m in find_migrations() if number_of(m.file) <= BEFORE.get(m.schema, "0000")]
    await migrate(address, old, [])
    connection = await asyncpg.connect(address)
    await set_json(connection)
    left = Older(connection)
    await left.live()
    await connection.close()
    await migrate(address)
    return left.payments


@pytest.fixture(scope="module")
def older_template(pg_server: PgServer) -> Iterator[tuple[str, dict[str, Paid]]]:
    """The name of such a database, made once and copied for each test, and its payments."""
    name = run_in_thread(pg_server.create("cift_older"))
    yield name, run_in_thread(make_older(pg_server.address(name)))
    run_in_thread(pg_server.drop(name))


@pytest.fixture
async def older_database(
    pg_server: PgServer, older_template: tuple[str, dict[str, Paid]]
) -> AsyncIterator[str]:
    """The address of a copy."""
    name = await pg_server.create("cift_test", template=older_template[0])
    yield pg_server.address(name)
    await pg_server.drop(name)


@pytest.fixture
async def older(
    older_database: str, older_template: tuple[str, dict[str, Paid]]
) -> AsyncIterator[tuple[Books, dict[str, Paid]]]:
    async with open_books(older_database) as books:
        yield books, older_template[1]


async def test_its_payments_are_exact(older: tuple[Books, dict[str, Paid]]) -> None:
    books, payments = older
    assert await books.broken() == set()
    for paid in payments.values():
        assert (await books.payment(paid))["amount_policy"] == "exact"
    told = payments["open"].result("settled", amount=Money(9_000, "KES"))
    assert await books.apply(told) == ["conflict"]
    requested = {name: (await books.payment(p))["requested_minor"] for name, p in payments.items()}
    assert {name for name, minor in requested.items() if minor is not None} == {"resolved"}
    assert requested["resolved"] == 10_000


async def test_its_reversals_are_known(older: tuple[Books, dict[str, Paid]]) -> None:
    books, payments = older
    paid = payments["reversed"]
    name = f"R{paid.payment_id.hex[:12]}:failed"
    assert await books.apply(back(paid, name, 10_000), came_back(paid, seq=30)) == ["duplicate"] * 2
    assert await books.apply(again(paid, name, 10_000)) == ["applied"]
    assert await books.apply(back(payments["in_part"], "p", 1)) == ["applied"]
    assert await books.broken() == set()


async def test_its_log_gives_the_same_books(
    older: tuple[Books, dict[str, Paid]], older_database: str, empty: Any
) -> None:
    lines = await log_of(older_database)
    await replay(empty, [line.replace('"amount_policy": "exact", ', "") for line in lines], 7)
    async with snapshot(older_database) as original, empty.transaction():
        figures = await compare(original, empty)
        assert await head_of_journal(original) == await head_of_journal(empty)
    assert [(f.name, f.examples) for f in figures if f.differences] == []
