"""The verifier finds what is wrong, and only that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from cift_shared.testing.clock import FakeClock
from ledger.commands import verify_books
from ledger.verifier import Verifier, load_invariants, verify
from tests.integration.ledger.books import NOON, Books, open_books

pytestmark = pytest.mark.integration

CORRUPTIONS: list[tuple[str, str, set[str]]] = [
    (
        "an entry was edited",
        "update ledger.entry set amount = amount + 1 where entry_id = 1",
        {
            "transactions_balance",
            "balances_follow_entries",
            "running_balances_chain",
            "payments_match_journal",
        },
    ),
    (
        "an entry was deleted",
        "delete from ledger.entry where entry_id = 1",
        {
            "transactions_balance",
            "balances_follow_entries",
            "running_balances_chain",
            "payments_match_journal",
        },
    ),
    (
        "a transaction was deleted and its entries stayed",
        "delete from ledger.ledger_tx where tx_id = 1",
        {"transactions_balance", "payments_match_journal"},
    ),
    (
        "a balance was edited",
        "update ledger.balance set posted = posted - 7 where not house",
        {"trial_balance", "balances_follow_entries"},
    ),
    (
        "two balances were edited so that the sum still fits",
        """update ledger.balance set posted = posted + case when house then 7 else -7 end
           where account_id in (
               select account_id from ledger.account
               where code in ('customer:c1:KES', 'provider:mpesa:KES'))""",
        {"balances_follow_entries"},
    ),
    (
        "a running balance was edited",
        "update ledger.entry set balance_after = 1 where entry_id = 1",
        {"running_balances_chain"},
    ),
    (
        "an account may go below its floor",
        "update ledger.balance set floor = -100000 where not house",
        {"available_above_floor"},
    ),
    (
        "an account went below its floor",
        """alter table ledger.balance drop constraint balance_available_not_below_floor;
           update ledger.balance set held = 1000000 where not house""",
        {"available_above_floor", "held_is_open_holds"},
    ),
    (
        "a hold vanished from the balance",
        "update ledger.balance set held = 0 where not house",
        {"held_is_open_holds"},
    ),
    (
        "a hold ended and its payment did not",
        "update ledger.hold set state = 'released', ended_at = now() where state = 'held'",
        {"held_is_open_holds", "holds_follow_payments", "refunds_within_captured"},
    ),
    (
        "one receipt stands on two payments",
        """drop index ledger.payment_provider_reference;
           update ledger.payment set provider_reference = 'SIF1'""",
        {"references_are_unique"},
    ),
    (
        "a result was applied twice",
        """alter table ledger.payment_event drop constraint payment_event_result_id_key;
           insert into ledger.payment_event
               (payment_id, version, kind, disposition, result_id, occurred_at)
           select payment_id, version, kind, 'noted', result_id, occurred_at
           from ledger.payment_event where result_id is not null limit 1""",
        {"references_are_unique"},
    ),
    (
        "a payment says completed and no money was booked",
        """update ledger.payment set status = 'completed' where status = 'failed'""",
        {
            "payments_match_journal",
            "history_leads_to_status",
            "ends_are_told_once",
            "holds_follow_payments",
        },
    ),
    (
        "a payment says failed and its money is booked",
        """update ledger.payment set status = 'failed' where status = 'completed'
           and type = 'deposit' and refunded_minor + refund_pending_minor = 0""",
        {"payments_match_journal", "history_leads_to_status", "ends_are_told_once"},
    ),
    (
        "a payment's amount was edited after it was booked",
        """update ledger.payment set minor = minor + 5, net_minor = net_minor + 5
           where type = 'deposit' and status = 'completed' and refunded_minor = 0""",
        {"payments_match_journal"},
    ),
    (
        "a deposit forgot a refund",
        "update ledger.payment set refund_pending_minor = 0 where refund_pending_minor > 0",
        {"refunds_within_captured"},
    ),
    (
        "a version was skipped",
        "update ledger.payment set version = version + 1 where status = 'failed'",
        {"history_leads_to_status"},
    ),
    (
        "a move that is not allowed",
        """insert into ledger.payment_event
               (payment_id, version, kind, from_status, to_status, disposition, occurred_at)
           select payment_id, version + 1, 'submitted', 'failed', 'processing', 'applied', now()
           from ledger.payment where status = 'failed';
           update ledger.payment set status = 'processing', version = version + 1
           where status = 'failed'""",
        {"history_leads_to_status", "holds_follow_payments"},
    ),
    (
        "an end was told twice",
        """insert into ledger.payment_event
               (payment_id, version, kind, from_status, to_status, disposition, occurred_at)
           select payment_id, version, 'declined', 'pending', 'failed', 'noted', now()
           from ledger.payment where status = 'failed'""",
        {"history_leads_to_status", "ends_are_told_once"},
    ),
    (
        "an event belongs to no payment",
        """insert into ledger.payment_event (payment_id, version, kind, disposition, occurred_at)
           values (gen_random_uuid(), 1, 'noted', 'noted', now())""",
        {"history_leads_to_status"},
    ),
    (
        "a posting belongs to no payment",
        "update ledger.ledger_tx set payment_id = gen_random_uuid() where tx_id = 2",
        {"payments_match_journal"},
    ),
    (
        "an account changed its currency",
        "update ledger.account set currency = 'USD' where kind = 'fees'",
        {"currencies_match", "trial_balance"},
    ),
    (
        "a message lies in the outbox",
        """insert into ledger.outbox (topic, key, headers, body, created_at)
           values ('payments.events', 'k', '{}', '', now() - interval '6 minutes')""",
        {"outbox_drains"},
    ),
    (
        "a service may write entries",
        "grant insert on ledger.entry to cift_gateway",
        {"journal_is_guarded"},
    ),
    (
        "a guard was taken away",
        "drop trigger entry_append_only on ledger.entry",
        {"journal_is_guarded"},
    ),
    (
        "a guard sleeps",
        "alter table ledger.ledger_tx disable trigger ledger_tx_balanced",
        {"journal_is_guarded"},
    ),
    (
        "references are no longer checked",
        "alter table ledger.entry disable trigger all",
        {"journal_is_guarded"},
    ),
]


@pytest.fixture
async def books(books_dsn: str) -> AsyncIterator[Books]:
    """Books with a bit of everything in them; a test may break them."""
    async with open_books(books_dsn) as opened:
        first = await opened.settled_deposit(10_000, 250)
        await opened.settled_deposit(5_000, 125, customer_id="c2")
        await opened.refund(first, 1_000)
        failed = await opened.withdrawal(500, 10)
        await opened.apply(failed.result("declined"))
        await opened.withdrawal(2_000, 50)
        yield opened


async def break_books(connection: Any, statement: str) -> None:
    """Do as somebody would who owns the server and means harm: no trigger speaks."""
    await connection.execute("set local session_replication_role = replica")
    await connection.execute(statement)


async def test_finds_every_corruption(books: Books) -> None:
    assert await books.broken() == set()
    found = {}
    async with books.admin.acquire() as connection:
        for story, statement, _ in CORRUPTIONS:
            undo = connection.transaction(isolation="repeatable_read")
            await undo.start()
            await break_books(connection, statement)
            findings = await verify(connection)
            found[story] = {finding.invariant.name for finding in findings if finding.violations}
            await undo.rollback()
    assert found == {story: expected for story, _, expected in CORRUPTIONS}


def test_every_invariant_has_a_corruption_that_breaks_it() -> None:
    broken = set().union(*(found for _, _, found in CORRUPTIONS))
    assert broken == {invariant.name for invariant in load_invariants()}


async def test_shows_what_it_found(books: Books) -> None:
    verifier = Verifier(books.ledger, FakeClock(NOON), interval_s=60)
    await verifier.verify_once()
    assert gauge("running_balances_chain") == 0
    async with books.admin.acquire() as connection, connection.transaction():
        await break_books(connection, "update ledger.entry set balance_after = 1 where seq = 1")
    findings = await verifier.verify_once()
    assert gauge("running_balances_chain") >= 1
    chain = next(f for f in findings if f.invariant.name == "running_balances_chain")
    assert chain.examples[0].startswith("entry ")
    assert REGISTRY.get_sample_value("cift_ledger_verified_timestamp_seconds") == NOON.timestamp()


def gauge(invariant: str) -> float:
    value = REGISTRY.get_sample_value("cift_ledger_violations", {"invariant": invariant})
    assert value is not None
    return value


async def run_command(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", dsn)
    return await asyncio.to_thread(CliRunner().invoke, verify_books)


async def test_command_tells_good_books(
    books: Books, books_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await run_command(books_dsn, monkeypatch)
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) == len(load_invariants())
    assert "BROKEN" not in answer.output


async def test_command_fails_on_broken_books(
    books: Books, books_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.admin.execute("update ledger.balance set held = 0 where not house")
    answer = await run_command(books_dsn, monkeypatch)
    assert answer.exit_code == 1
    line = next(line for line in answer.output.splitlines() if "BROKEN" in line)
    assert line.startswith("held_is_open_holds")
