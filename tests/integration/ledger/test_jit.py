"""The JIT of a stock server never compiles what the ledger's functions run.

Evidence is each plan as `auto_explain` shows it: a compiled one has a line "JIT:". The plans need a
server that has the JIT and Debian's contributed modules (`make test-postgres`).
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from cift_shared.database.pool import connect, open_pool
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration

EXPLAIN = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_analyze = on;
set auto_explain.log_nested_statements = on;
set client_min_messages = log;
"""
APPLY = "select outcome from ledger.apply_results($1::text::jsonb)"


@pytest.fixture
async def plain(database: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A session with the server's own settings, as a caller that is none of ours has it."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def with_jit(plain: "asyncpg.Connection[Any]") -> "asyncpg.Connection[Any]":
    """The same, on a server whose JIT works and is on."""
    assert await plain.fetchval("select pg_jit_available()")
    assert await plain.fetchval("show jit") == "on"
    return plain


async def plans_of(connection: "asyncpg.Connection[Any]", query: str, *args: Any) -> list[str]:
    """Every plan that a query ran, those inside functions as well."""
    plans: list[str] = []
    await connection.execute(EXPLAIN)
    connection.add_log_listener(lambda _, message: plans.append(message.message))
    await connection.fetch(query, *args)
    return [plan for plan in plans if plan.startswith("duration")]


async def test_every_entry_point_turns_it_off(plain: "asyncpg.Connection[Any]") -> None:
    """Also after a later migration has replaced the function."""
    rows = await plain.fetch(
        """select proname::text from pg_proc
           where pronamespace = 'ledger'::regnamespace
             and (prosecdef or array_to_string(proconfig, ',') ~ 'enable_|plan_cache_mode')
             and not coalesce('jit=off' = any(proconfig), false)"""
    )
    assert [row["proname"] for row in rows] == []


async def test_sessions_of_ours_have_it_off(database: str) -> None:
    pool = await open_pool(database, role="cift_ledger", size_max=1)
    single = await connect(database, role="cift_operator")
    try:
        assert await pool.fetchval("show jit") == "off"
        assert await single.fetchval("show jit") == "off"
        assert await single.fetchval("select current_user") == "cift_operator"
    finally:
        await single.close()
        await pool.close()


@pytest.mark.jit
async def test_the_evidence_shows_a_compiled_plan(with_jit: "asyncpg.Connection[Any]") -> None:
    await with_jit.execute("set jit_above_cost = 0")
    [plan] = await plans_of(with_jit, "select count(*) from ledger.payment")
    assert "JIT:" in plan


@pytest.mark.jit
async def test_a_settlement_is_not_compiled(
    books: Books, with_jit: "asyncpg.Connection[Any]"
) -> None:
    paid = await books.deposit(10_000, 100)
    told = json.dumps([paid.result("settled").model_dump(mode="json")])
    plans = await plans_of(with_jit, APPLY, told)
    assert any("apply_results" in plan for plan in plans)
    assert len(plans) > 10  # the statements inside the function are among them
    assert [plan for plan in plans if "JIT:" in plan] == []
    status = await with_jit.fetchval(
        "select status from ledger.payment where payment_id = $1", paid.payment_id
    )
    assert status == "completed"
