"""A refusal of the books as an answer, for the ones that the gateway can put into words."""

from typing import Any

import asyncpg
import pytest

from tests.integration.ledger.books import Books, command_row

pytestmark = pytest.mark.integration

KNOWN: dict[str, dict[str, object]] = {"CF001": {}, "CF002": {}, "CF003": {}}
LIMIT = """
create or replace function ledger.set_aside(p_account_id bigint, p_amount numeric) returns void
language plpgsql as $$
begin
    raise exception 'a_later_limit' using errcode = 'CF099';
end
$$
"""


async def ask(
    books: Books, function: str, row: dict[str, Any], known: dict[str, Any] = KNOWN
) -> Any:
    """What the books make of it, asked as the gateway does."""
    return await books.gateway.fetchval(
        "select ledger.accept_or_refuse($1, $2, $3)", function, row, known
    )


async def test_an_acceptance_answers_the_terms(books: Books) -> None:
    await books.settled_deposit(10_000, 0)
    row = command_row("withdrawal", 4_000, 100, 4_100)
    assert await ask(books, "accept_payment", row) == {"terms": {}}
    assert await books.customer() == (10_000, 4_100)
    parent = await books.settled_deposit(10_000, 250)
    wish = command_row("refund", 4_000, 0, 4_000) | {"parent_payment_id": str(parent.payment_id)}
    terms = {"fee_minor": "100", "net_minor": "3900"}
    assert await ask(books, "accept_refund", wish) == {"terms": terms}


async def test_a_refusal_leaves_nothing_behind(books: Books) -> None:
    row = command_row("withdrawal", 4_000, 100, 4_100)
    assert await ask(books, "accept_payment", row) == {"refused": "CF001"}
    for table in ("payment", "hold", "account", "payment_event"):
        assert await books.admin.fetchval(f"select count(*) from ledger.{table}") == 0, table


async def test_every_refusal_of_a_refund(books: Books) -> None:
    parent = await books.deposit(10_000, 0)
    wish = command_row("refund", 6_000, 0, 6_000) | {"parent_payment_id": str(parent.payment_id)}
    assert await ask(books, "accept_refund", wish) == {"refused": "CF002"}
    await books.apply(parent.result("settled", seq=9))
    other = command_row("refund", 10_001, 0, 10_001) | {"parent_payment_id": str(parent.payment_id)}
    assert await ask(books, "accept_refund", other) == {"refused": "CF003"}
    await books.withdrawal(9_000, 0)
    assert await ask(books, "accept_refund", wish) == {"refused": "CF001"}


async def test_a_later_refusal_is_answered_where_the_caller_knows_it(books: Books) -> None:
    """From any depth, without a change here; a caller that does not know it stores nothing."""
    await books.settled_deposit(10_000, 0)
    row = command_row("withdrawal", 4_000, 100, 4_100)
    before = await books.admin.fetchval("select pg_get_functiondef('ledger.set_aside'::regproc)")
    await books.admin.execute(LIMIT)
    try:
        assert await ask(books, "accept_payment", row, {"CF099": {}}) == {"refused": "CF099"}
        with pytest.raises(asyncpg.PostgresError, match="a_later_limit") as raised:
            await ask(books, "accept_payment", row)
        assert raised.value.sqlstate == "CF099"
    finally:
        await books.admin.execute(before)  # the tests of this session share the schema


async def test_every_other_error_is_raised(books: Books) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await ask(books, "accept_payment", command_row("deposit", 10_000, 250, 9_999))
    with pytest.raises(asyncpg.PostgresError, match="case not found"):
        await ask(books, "request_cancel", {})
