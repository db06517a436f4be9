"""`cift stuck` and `cift check`: what they say of payments in each state."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from cift_shared.money.amount import Money
from ledger.operator.payment_story import FINAL
from tests.integration.ledger.books import Books, Paid
from tests.support.cift import Said, cift

pytestmark = pytest.mark.integration


@pytest.fixture
def say(database: str) -> Any:
    async def run(*words: str) -> Said:
        return await cift(*words, DATABASE_URL=database)

    return run


async def wait_for_people(books: Books) -> Paid:
    paid = await books.deposit()
    await books.apply(paid.result("settled", amount=Money(9_000, "KES")))
    assert await books.status(paid) == "in_review"
    return paid


async def in_time(books: Books, paid: Paid) -> None:
    """Make it as if the payment had been accepted just now."""
    await books.admin.execute(
        "update ledger.payment set heard_at = now(), next_check_at = now() + interval '1 hour' "
        "where payment_id = $1",
        paid.payment_id,
    )


@pytest.fixture
async def operator_dsn(books: Books, database: str) -> AsyncIterator[str]:
    """The address of the books for a login that is an operator and nothing else."""
    name = f"operator_{uuid4().hex}"
    await books.admin.execute(f"create role {name} login password 'test' in role cift_operator")
    address = urlsplit(database)
    server = address.netloc.rpartition("@")[2]
    yield address._replace(netloc=f"{name}:test@{server}").geturl()
    await books.admin.execute(f"drop role {name}")


class TestOperatorLogin:
    async def test_may_look(self, books: Books, operator_dsn: str) -> None:
        paid = await books.settled_deposit()
        stuck = await cift("stuck", DATABASE_URL=operator_dsn)
        assert (stuck.code, stuck.out) == (0, "0 stuck\n"), stuck
        checked = await cift("check", str(paid.payment_id), DATABASE_URL=operator_dsn)
        assert checked.code == 0, checked
        assert "is completed" in checked.out


class TestStuck:
    async def test_nothing_is(self, books: Books, say: Any) -> None:
        await books.settled_deposit()
        said = await say("stuck", "--json")
        assert (said.code, said.json) == (0, [])
        assert (await say("stuck")).out == "0 stuck\n"

    async def test_overdue_and_in_review(self, books: Books, say: Any) -> None:
        silent = await books.deposit()  # accepted long ago, and no worker has spoken of it
        asked = await wait_for_people(books)
        fresh = await books.deposit()
        await in_time(books, fresh)
        said = await say("stuck", "--json")
        assert said.code == 1
        why = {one["payment_id"]: one["why"] for one in said.json}
        assert why == {str(silent.payment_id): "overdue", str(asked.payment_id): "in_review"}
        quiet = await say("stuck", "--quiet")
        assert sorted(quiet.out.split()) == sorted(why)


class TestCheck:
    async def test_a_completed_payment(self, books: Books, say: Any) -> None:
        paid = await books.settled_deposit()
        said = await say("check", str(paid.payment_id))
        assert said.code == 0, said
        assert "is completed" in said.out
        assert "sum to zero" in said.out
        assert "It is final" in said.out
        document = (await say("check", str(paid.payment_id), "--json")).json
        assert document["status"] in FINAL
        assert document["findings"] == []
        assert {one["sum_minor"] for one in document["postings"]} == {"0"}

    async def test_a_withdrawal_under_way_names_its_hold(self, books: Books, say: Any) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal()
        await in_time(books, paid)
        document = (await say("check", str(paid.payment_id), "--json")).json
        assert document["holds"] == [{"state": "held", "amount": "41.00", "currency": "KES"}]
        assert document["status"] == "pending"
        assert any("hold of 41.00 KES is held" in line for line in document["story"])

    async def test_an_attempt_says_when_the_provider_is_asked(self, books: Books, say: Any) -> None:
        paid = await books.deposit()
        await in_time(books, paid)
        await books.admin.execute(
            "insert into mpesa.attempt (attempt_id, payment_id, operation, request, state, "
            "maybe_sent, submits, checks, next_check_at) "
            "values ($1, $2, 'deposit', '{}', 'unknown', true, 1, 3, now() + $3)",
            paid.attempt_id, paid.payment_id, timedelta(minutes=10),
        )  # fmt: skip
        try:
            said = await say("check", str(paid.payment_id), "--json")
        finally:
            await books.admin.execute("delete from mpesa.attempt")
        [attempt] = said.json["attempts"]
        assert (attempt["schema"], attempt["state"], attempt["checks"]) == ("mpesa", "unknown", 3)
        assert any(
            "no readable answer" in line and "in 9 min" in line for line in said.json["story"]
        )

    async def test_what_waits_for_people_is_a_finding(self, books: Books, say: Any) -> None:
        paid = await wait_for_people(books)
        said = await say("check", str(paid.payment_id))
        assert said.code == 1
        assert "cift ledger review" in said.out
        assert "FINDING: it waits for an operator." in said.out

    async def test_a_hold_that_outlives_its_payment_is_a_finding(
        self, books: Books, say: Any
    ) -> None:
        await books.settled_deposit()
        paid = await books.withdrawal()
        await books.apply(paid.result("settled"))
        state = (
            "update ledger.hold set state = $2, captured = $3, ended_at = $4, end_booked_at = $4"
        )
        before = await books.admin.fetchrow(
            "select state, captured, ended_at from ledger.hold where payment_id = $1",
            paid.payment_id,
        )
        of_it = f"{state} where payment_id = $1"
        async with books.admin.acquire() as connection:
            await connection.execute("set session_replication_role = replica")
            await connection.execute(of_it, paid.payment_id, "held", None, None)
            try:
                said = await say("check", str(paid.payment_id))
            finally:
                await connection.execute(of_it, paid.payment_id, *before)
                await connection.execute("set session_replication_role = origin")
        assert said.code == 1
        assert "its hold is still open" in said.out

    async def test_an_unknown_payment(self, books: Books, say: Any) -> None:
        said = await say("check", "018f3a4b-1c2d-7e3f-8a4b-254708374149")
        said.is_one_line(3, "no payment 018f3a4b")
