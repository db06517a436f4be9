"""The verifier finds what is wrong, and only that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from cift_shared.testing.clock import FakeClock
from ledger.cli.verify_books import verify_books
from ledger.verification.invariants import Window, load_invariants, verify
from ledger.verification.verifier import Verifier
from tests.integration.ledger.books import NOON, Books, open_books

pytestmark = pytest.mark.integration

FIRST_ENTRY = "(tx_id, seq) = (select tx_id, seq from ledger.entry order by 1, 2 limit 1)"
FIRST_TX = "tx_id = (select min(tx_id) from ledger.ledger_tx)"

CORRUPTIONS: list[tuple[str, str, set[str]]] = [
    (
        "an entry was edited",
        f"update ledger.entry set amount = amount + 1 where {FIRST_ENTRY}",
        {
            "transactions_balance",
            "balances_are_sums",
            "running_balances_chain",
            "payments_match_journal",
        },
    ),
    (
        "an entry was deleted",
        f"delete from ledger.entry where {FIRST_ENTRY}",
        {
            "transactions_balance",
            "balances_are_sums",
            "running_balances_chain",
            "payments_match_journal",
        },
    ),
    (
        "a transaction was deleted and its entries stayed",
        f"delete from ledger.ledger_tx where {FIRST_TX}",
        {"transactions_balance", "payments_match_journal"},
    ),
    (
        "a balance was edited",
        "update ledger.balance set posted = posted - 7 where not house",
        {"trial_balance", "balances_follow_entries", "balances_are_sums"},
    ),
    (
        "two balances were edited so that the sum still fits",
        """update ledger.balance set posted = posted + case when house then 7 else -7 end
           where account_id in (
               select account_id from ledger.account
               where code in ('customer:c1:KES', 'provider:mpesa:KES'))""",
        {"balances_follow_entries", "balances_are_sums"},
    ),
    (
        "a running balance was edited",
        f"update ledger.entry set balance_after = 1 where {FIRST_ENTRY}",
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
        """update ledger.hold set state = 'released', ended_at = now(), end_booked_at = now()
           where state = 'held'""",
        {"held_is_open_holds", "holds_follow_payments", "refunds_within_captured"},
    ),
    (
        "one receipt stands on two payments",
        "update ledger.payment set provider_reference = 'SIF1'",
        {"references_are_unique"},
    ),
    (
        "a result was applied twice",
        """alter table ledger.payment_event drop constraint payment_event_result_id_key;
           insert into ledger.payment_event
               (event_seq, payment_id, version, kind, disposition, result_id, occurred_at)
           select 10000, payment_id, version, kind, 'noted', result_id, occurred_at
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
        {"payments_match_journal", "amounts_follow_policy"},
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
               (event_seq, payment_id, version, kind, from_status, to_status, disposition,
                occurred_at)
           select 10000, payment_id, version + 1, 'submitted', 'failed', 'processing', 'applied',
               now()
           from ledger.payment where status = 'failed';
           update ledger.payment set status = 'processing', version = version + 1
           where status = 'failed'""",
        {"history_leads_to_status", "holds_follow_payments", "open_payments_are_listed"},
    ),
    (
        "an end was told twice",
        """insert into ledger.payment_event
               (event_seq, payment_id, version, kind, from_status, to_status, disposition,
                occurred_at)
           select 10000, payment_id, version, 'declined', 'pending', 'failed', 'noted', now()
           from ledger.payment where status = 'failed'""",
        {"history_leads_to_status", "ends_are_told_once"},
    ),
    (
        "an event belongs to no payment",
        """insert into ledger.payment_event
               (event_seq, payment_id, version, kind, disposition, occurred_at)
           values (10000, gen_random_uuid(), 1, 'noted', 'noted', now())""",
        {"postings_have_a_cause"},
    ),
    (
        "a posting belongs to no payment",
        f"update ledger.ledger_tx set payment_id = gen_random_uuid() where {FIRST_TX}",
        {"payments_match_journal", "postings_have_a_cause"},
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
        "a posting that nobody asked for",
        f"""update ledger.ledger_tx set tx_id = tx_id + 80000 where {FIRST_TX};
            update ledger.entry set tx_id = tx_id + 80000
            where tx_id = (select max(tx_id) - 80000 from ledger.ledger_tx)""",
        {"postings_have_a_cause", "running_balances_chain"},
    ),
    (
        "an account without entries has a balance",
        """update ledger.balance set posted = posted + case account_id
               when (select account_id from ledger.account where code = 'losses:mpesa:KES') then 7
               else -7 end
           where account_id in (select account_id from ledger.account
               where code in ('losses:mpesa:KES', 'fees:mpesa:KES'))""",
        {"balances_follow_entries", "balances_are_sums"},
    ),
    (
        "the sums are of nobody's entries",
        """alter table ledger.entry drop constraint entry_account_id_account_version_key;
           update ledger.entry e set account_version = 1""",
        {"running_balances_chain", "balances_follow_entries"},
    ),
    (
        "a hold is open and its time is long over",
        """insert into ledger.hold (hold_key, account_id, amount, created_at, booked_at, expires_at)
           select 'h1', account_id, 0, now() - interval '2 days', now(), now() - interval '1 day'
           from ledger.account where code = 'customer:c2:KES'""",
        {"holds_end_in_time"},
    ),
    (
        "the sweeper can't see an open payment",
        "delete from ledger.unfinished",
        {"open_payments_are_listed"},
    ),
    (
        "a transaction waits to be sealed",
        f"update ledger.ledger_tx set created_at = now() - interval '6 minutes' where {FIRST_TX}",
        {"sealing_keeps_up"},
    ),
]

# How somebody with all rights would prepare to write around the functions.
BREACHES: dict[str, list[tuple[str, str]]] = {
    "services_cannot_write": [
        ("grant insert on ledger.entry to cift_gateway", "cift_gateway may INSERT entry"),
        (
            "grant update (posted) on ledger.balance to cift_ledger",
            "cift_ledger may UPDATE balance",
        ),
        ("grant truncate on ledger.block to public", "everybody may TRUNCATE block"),
        ("grant trigger on ledger.entry to cift_ledger", "cift_ledger may TRIGGER entry"),
        ("grant update on ledger.outbox to cift_ledger", "cift_ledger may UPDATE outbox"),
        ("grant delete on ledger.payment to pg_monitor", "pg_monitor may DELETE payment"),
        (
            "grant update on sequence ledger.log_position to cift_ledger",
            "cift_ledger may UPDATE log_position",
        ),
        ("grant create on schema ledger to cift_gateway", "cift_gateway may create in the schema"),
        ("grant pg_write_all_data to cift_gateway", "cift_gateway may UPDATE ledger_tx"),
        ("grant cift_ledger_owner to cift_gateway", "cift_gateway may DELETE entry"),
        ("alter role cift_ledger superuser", "cift_ledger may UPDATE entry"),
    ],
    "guards_are_armed": [
        ("drop trigger entry_append_only on ledger.entry", "nothing guards entry against UPDATE"),
        (
            "alter table ledger.ledger_tx disable trigger ledger_tx_balanced",
            "nothing guards ledger_tx against INSERT",
        ),
        (
            "alter table ledger.entry enable replica trigger entry_append_only",
            "nothing guards entry against DELETE",
        ),
        (
            "alter table ledger.hold disable trigger all",
            "trigger hold_ends_once of hold is disabled",
        ),
        (
            """drop trigger block_append_only on ledger.block;
               create trigger block_append_only before update or delete on ledger.block
               for each row when (old.block_id < 0) execute function ledger.refuse_change()""",
            "nothing guards block against UPDATE",
        ),
        (
            """drop trigger input_append_only on ledger.input;
               create trigger input_append_only before update of kind or delete on ledger.input
               for each row execute function ledger.refuse_change()""",
            "nothing guards input against UPDATE",
        ),
        (
            "create rule quiet as on insert to ledger.payment_event do instead nothing",
            "a rule rewrites statements on payment_event",
        ),
        (
            "alter role cift_ledger set session_replication_role = replica",
            "sessions of cift_ledger begin with session_replication_role=replica",
        ),
    ],
    "functions_are_closed": [
        (
            "grant execute on function ledger.draw_position() to public",
            "everybody may execute ledger.draw_position()",
        ),
        (
            "alter function ledger.seal(bigint, xid8, integer) reset search_path",
            "ledger.seal(bigint,xid8,integer) looks names up where its caller says",
        ),
        (
            """create or replace function ledger.refuse_change() returns trigger language plpgsql
               as 'begin return coalesce(new, old); end'""",
            "the guard ledger.refuse_change() refuses nothing",
        ),
        ("alter sequence ledger.log_position cache 10", "log positions are drawn ahead"),
    ],
    "owner_is_nobody": [
        ("alter role cift_ledger_owner login", "cift_ledger_owner can log in, or do more than own"),
        ("alter table ledger.entry owner to cift_gateway", "entry belongs to cift_gateway"),
        (
            "grant cift_ledger_owner to cift_gateway",
            "cift_gateway is a member of cift_ledger_owner",
        ),
        (
            "alter function ledger.post(ledger.decision[]) owner to cift_ledger",
            "ledger.post(ledger.decision[]) belongs to cift_ledger",
        ),
    ],
}


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """Books with a bit of everything in them; a test may break them."""
    async with open_books(database) as opened:
        first = await opened.settled_deposit(10_000, 250)
        await opened.settled_deposit(5_000, 125, customer_id="c2")
        await opened.refund(first, 1_000)
        failed = await opened.withdrawal(500, 10)
        await opened.apply(failed.result("declined"))
        await opened.withdrawal(2_000, 50)
        await opened.admin.execute("select ledger.open_account('house:test', 'losses:mpesa:KES')")
        yield opened


async def break_books(connection: Any, statement: str) -> None:
    """Do as somebody would who owns the server and means harm: no trigger speaks."""
    await connection.execute("set local session_replication_role = replica")
    await connection.execute(statement)


@pytest.mark.parametrize(
    "windows", [None, [Window(0, 20_000)], [Window(8, 20_000), Window(0, 8)]], ids=repr
)
async def test_finds_every_corruption(books: Books, windows: list[Window] | None) -> None:
    """Over all of the books, and over windows that cover the log together."""
    assert await books.broken() == set()
    found = {}
    async with books.admin.acquire() as connection:
        for story, statement, _ in CORRUPTIONS:
            undo = connection.transaction(isolation="repeatable_read")
            await undo.start()
            await break_books(connection, statement)
            findings = await verify(connection, windows)
            found[story] = {finding.invariant.name for finding in findings if finding.violations}
            await undo.rollback()
    skipped = {} if windows is None else {i.name for i in load_invariants() if i.only_full}
    assert found == {story: expected.difference(skipped) for story, _, expected in CORRUPTIONS}


def test_every_invariant_has_a_corruption_that_breaks_it() -> None:
    broken = set().union(*(found for _, _, found in CORRUPTIONS))
    assert broken == {invariant.name for invariant in load_invariants("invariants.sql")}
    assert BREACHES.keys() == {i.name for i in load_invariants("invariants_guards.sql")}


@pytest.mark.parametrize("name", BREACHES)
async def test_finds_every_breach(books: Books, name: str) -> None:
    """Seen with the rights of the service that looks; roles are put back as the others use them."""
    [guard] = [invariant for invariant in load_invariants() if invariant.name == name]
    query = guard.over(None)
    missed = []
    async with books.admin.acquire() as connection:
        assert await connection.fetch(query) == []
        for statement, expected in BREACHES[name]:
            undo = connection.transaction()
            await undo.start()
            await connection.execute(statement)
            if "alter role cift_ledger " not in statement:
                await connection.execute("set local role cift_ledger")
            found = [row["subject"] for row in await connection.fetch(query)]
            await undo.rollback()
            if expected not in found:
                missed.append((statement, found))
    assert missed == []


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


async def test_what_is_old_has_its_turn_and_stays_shown_until_it_is_whole(books: Books) -> None:
    """The damage lies outside what is new; the pass along the log comes by."""
    verifier = Verifier(books.ledger, FakeClock(NOON), interval_s=60, slice_size=2)
    for _ in range(4):
        await verifier.verify_once()
    assert gauge("running_balances_chain") == 0
    async with books.admin.acquire() as connection, connection.transaction():
        await break_books(
            connection, f"update ledger.entry set balance_after = 1 where {FIRST_ENTRY}"
        )
    for _ in range(10):
        await verifier.verify_once()
        if gauge("running_balances_chain"):
            break
    for _ in range(10):
        await verifier.verify_once()
        assert gauge("running_balances_chain") == 2  # the entry, and the one that follows it
    async with books.admin.acquire() as connection, connection.transaction():
        await break_books(
            connection, f"update ledger.entry set balance_after = amount where {FIRST_ENTRY}"
        )
    await verifier.verify_once()
    assert gauge("running_balances_chain") == 0
    assert REGISTRY.get_sample_value("cift_ledger_verified_pass_timestamp_seconds") is not None


async def test_the_chain_is_checked_with_the_rest(books: Books) -> None:
    verifier = Verifier(books.ledger, FakeClock(NOON), interval_s=60)
    while await books.admin.fetchval("select ledger.seal($1, null, 1)", 2**62):
        pass
    await verifier.verify_once()
    assert gauge("chain_is_unbroken") == 0
    async with books.admin.acquire() as connection, connection.transaction():
        await break_books(
            connection, f"update ledger.ledger_tx set effective_at = now() where {FIRST_TX}"
        )
    findings = await verifier.verify_once()
    [chain] = [found for found in findings if found.violations]
    assert chain.invariant.name == "chain_is_unbroken"
    assert chain.examples[0].startswith("block 1, transaction ")


async def test_a_chain_that_was_cut_short_is_found_by_who_saw_its_head(books: Books) -> None:
    """Without its last block the chain is unbroken; the verifier remembers a longer one."""
    verifier = Verifier(books.ledger, FakeClock(NOON), interval_s=60)
    while await books.admin.fetchval("select ledger.seal($1, null, 1)", 2**62):
        pass
    await verifier.verify_once()
    async with books.admin.acquire() as connection, connection.transaction():
        await break_books(
            connection,
            "delete from ledger.block where block_id = (select block from ledger.head)",
        )
    assert await books.broken() == set()
    for _ in range(2):
        await verifier.verify_once()
        assert gauge("chain_is_unbroken") == 1


def gauge(invariant: str) -> float:
    value = REGISTRY.get_sample_value("cift_ledger_violations", {"invariant": invariant})
    assert value is not None
    return value


async def run_command(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", dsn)
    return await asyncio.to_thread(CliRunner().invoke, verify_books)


async def test_command_tells_good_books(
    books: Books, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await run_command(database, monkeypatch)
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) == 1 + len(load_invariants()) + 1  # headings, the chain
    assert "BROKEN" not in answer.output


async def test_command_fails_on_broken_books(
    books: Books, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.admin.execute("update ledger.balance set held = 0 where not house")
    answer = await run_command(database, monkeypatch)
    assert answer.exit_code == 1
    line = next(line for line in answer.output.splitlines() if "BROKEN" in line)
    assert line.startswith("held_is_open_holds")
