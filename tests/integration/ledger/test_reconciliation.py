"""Statements against the books: what differs goes to suspense once, and has an owner."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from cift_shared.money.amount import Money
from cift_shared.rails.statements import ProviderLine, Statement, StatementFormat
from ledger.chain.hash_chain import head_of_journal
from ledger.chain.rebuild import Replay, export_log
from ledger.cli.session import open_ledger as open_connection
from ledger.cli.session import operator_session
from ledger.operator import store as operators
from ledger.operator.store import Refused
from ledger.reconciliation import store
from ledger.reconciliation.store import ReconciliationRequest, Report
from tests.integration.ledger.books import NOON, Books, Paid

pytestmark = pytest.mark.integration

DAY = NOON - timedelta(hours=12)
LATER = NOON + timedelta(days=2)
SIGNED = {"operator": "amina", "reason": "looked into it", "at": LATER.isoformat()}
PROVIDER, SUSPENSE = "provider:mpesa:KES", "suspense:mpesa:KES"


def read(content: bytes) -> Statement:
    """Lines as JSON, so that the tests need no provider's format."""
    lines = json.loads(content)
    told = tuple(
        ProviderLine(**{**line, "at": NOON, "references": tuple(line["references"]),
                        "hints": tuple(line.get("hints", ()))})
        for line in lines
    )  # fmt: skip
    return Statement(lines=told, opening=0, closing=sum(line.net for line in told))


FORMAT = StatementFormat(read, UTC, lambda payment_id: (f"account {payment_id}",))


def line(name: str, gross: int, **more: Any) -> dict[str, Any]:
    return {
        "external_id": name, "kind": "payment", "gross": gross, "currency": "KES",
        "references": [name], **more,
    }  # fmt: skip


def order(at: datetime = LATER, **more: Any) -> ReconciliationRequest:
    asked: dict[str, Any] = {
        "method": "mpesa", "livemode": False, "currency": "KES", "since": DAY,
        "until": DAY + timedelta(days=1), "tolerance": timedelta(minutes=15),
        "operator": "amina", "reason": "a statement", "at": at,
    }  # fmt: skip
    return ReconciliationRequest(**{**asked, **more})


@pytest.fixture
async def operator(database: str) -> AsyncIterator[Any]:
    async with operator_session(database) as connection:
        yield connection


async def reconcile(session: Any, *lines: dict[str, Any], dry_run: bool = False) -> Report:
    content = json.dumps(lines).encode()
    return await store.reconcile_statement(session, order(), content, FORMAT, dry_run=dry_run)


async def change(session: Any, number: int, action: str, **more: Any) -> None:
    await store.change_discrepancy(session, {"id": str(number), "action": action, **SIGNED, **more})


def verdicts(report: Report) -> dict[str, str]:
    return {group.names[0]: str(group.verdict) for group in report.groups}


async def receipt(books: Books, paid: Paid) -> str:
    return str((await books.payment(paid))["provider_reference"])


class TestAgreeing:
    async def test_nothing_is_posted_however_often(self, books: Books, operator: Any) -> None:
        paid = await books.settled_deposit()
        before = await books.admin.fetchval("select count(*) from ledger.ledger_tx")
        for _ in range(2):
            report = await reconcile(operator, line(await receipt(books, paid), 10_000))
            assert set(verdicts(report).values()) == {"matched"}
            assert not report.has_drift
        assert await books.admin.fetchval("select count(*) from ledger.ledger_tx") == before
        assert await books.admin.fetchval("select count(*) from ledger.provider_line") == 1
        assert await store.discrepancies(operator, closed=True) == []

    async def test_a_deposit_whose_receipt_never_came_is_found_by_its_account(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        assert await books.apply(paid.result("settled", provider_reference=None)) == ["applied"]
        found = line("UKN4", 10_000, hints=[*FORMAT.hints(paid.payment_id)])
        assert not (await reconcile(operator, found)).has_drift

    async def test_a_refund_without_receipt_is_found_by_what_it_reverses(
        self, books: Books, operator: Any
    ) -> None:
        deposit = await books.settled_deposit()
        name = await receipt(books, deposit)
        refund, _ = await books.refund(deposit, 10_000)
        assert await books.apply(refund.result("settled", provider_reference=None)) == ["applied"]
        back = line("UKN5", -10_000, hints=[f"linked {name}"])
        assert not (await reconcile(operator, line(name, 10_000), back)).has_drift

    async def test_what_waits_in_suspense_is_money_at_the_provider_all_the_same(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        assert await books.apply(paid.result("settled", amount=Money(9_000, "KES"))) == ["conflict"]
        name = await receipt(books, paid)
        assert not (await reconcile(operator, line(name, 9_000))).has_drift


class TestMissingHere:
    async def test_goes_to_suspense_once(self, books: Books, operator: Any) -> None:
        for _ in range(2):
            report = await reconcile(operator, line("UKN4", 7_700))
            assert verdicts(report) == {"UKN4": "missing_here"}
            assert report.has_drift
            assert await books.balance(PROVIDER) == (7_700, 0)
            assert await books.balance(SUSPENSE) == (-7_700, 0)
        [one] = await store.discrepancies(operator, closed=False)
        assert (one.owner, one.kind, one.in_suspense.minor) == ("amina", "missing_here", -7_700)
        posted = await books.admin.fetchrow("select * from ledger.ledger_tx")
        assert (posted["kind"], posted["ref"]) == ("reconciliation", "mpesa:UKN4")

    async def test_is_taken_back_when_the_payment_settles_after_all(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        await reconcile(operator, line("UKN4", 10_000))
        settled = paid.result("settled", provider_reference="UKN4")
        assert await books.apply(settled) == ["applied"]
        assert await books.balance(PROVIDER) == (20_000, 0)
        assert await books.broken() == {"providers_agree"}
        assert not (await reconcile(operator, line("UKN4", 10_000))).has_drift
        assert await books.balance(PROVIDER) == (10_000, 0)
        assert await books.balance(SUSPENSE) == (0, 0)
        [one] = await store.discrepancies(operator, closed=True)
        assert (one.state, one.note) == ("closed", "both sides agree now")

    async def test_a_dry_run_keeps_and_posts_nothing(self, books: Books, operator: Any) -> None:
        report = await reconcile(operator, line("UKN4", 7_700), dry_run=True)
        assert report.has_drift
        assert await books.balance(PROVIDER) == (0, 0)
        for table in ("recon_run", "provider_line", "discrepancy", "recon_match"):
            assert await books.admin.fetchval(f"select count(*) from ledger.{table}") == 0

    async def test_two_runs_at_once_post_once(
        self, books: Books, operator: Any, database: str
    ) -> None:
        async with operator_session(database) as other:
            await asyncio.gather(
                reconcile(operator, line("UKN4", 7_700)), reconcile(other, line("UKN4", 7_700))
            )
        assert await books.balance(PROVIDER) == (7_700, 0)


class TestMismatch:
    async def test_only_the_difference_goes_to_suspense(self, books: Books, operator: Any) -> None:
        paid = await books.settled_deposit(10_000)
        report = await reconcile(operator, line(await receipt(books, paid), 9_000))
        assert set(verdicts(report).values()) == {"amount_mismatch"}
        assert await books.balance(PROVIDER) == (9_000, 0)
        assert await books.balance(SUSPENSE) == (1_000, 0)

    async def test_an_unknown_charge_is_written_off_to_the_providers_costs(
        self, books: Books, operator: Any
    ) -> None:
        await books.settled_deposit()
        out = await books.withdrawal(4_000, 100)
        assert await books.apply(out.result("settled")) == ["applied"]
        name = await receipt(books, out)
        lines = [
            line(name, -4_000),
            line(f"{name}:charge", 0, kind="charge", fee=2_240, references=[name]),
        ]
        deposit = await books.admin.fetchval(
            "select provider_reference from ledger.payment where type = 'deposit'"
        )
        await reconcile(operator, line(deposit, 10_000), *lines)
        [one] = await store.discrepancies(operator, closed=False)
        await change(operator, one.discrepancy_id, "close", write_off="provider-costs")
        assert await books.balance("provider-costs:mpesa:KES") == (2_240, 0)
        assert await books.balance(SUSPENSE) == (0, 0)
        report = await reconcile(operator, line(deposit, 10_000), *lines)
        assert not report.has_drift
        assert await books.balance(PROVIDER) == (10_000 - 4_000 - 2_240, 0)

    async def test_a_line_never_changes_its_amount(self, books: Books, operator: Any) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        with pytest.raises(Refused, match="line UKN4 had another amount"):
            await reconcile(operator, line("UKN4", 7_800))


class TestMissingThere:
    async def test_waits_for_people_without_a_posting(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000)
        report = await reconcile(operator)
        assert set(verdicts(report).values()) == {"missing_there"}
        assert await books.balance(PROVIDER) == (10_000, 0)
        [one] = await store.discrepancies(operator, closed=False)
        assert (one.difference.minor, one.in_suspense.minor) == (-10_000, 0)

    async def test_is_no_drift_once_somebody_knows_why(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000)
        await reconcile(operator)
        await change(operator, 1, "explain")
        assert not (await reconcile(operator)).has_drift
        [one] = await store.discrepancies(operator, closed=False)
        assert (one.state, one.note) == ("explained", "looked into it")

    async def test_is_written_off_against_the_provider(self, books: Books, operator: Any) -> None:
        await books.settled_deposit(10_000)
        await reconcile(operator)
        await change(operator, 1, "close", write_off="losses")
        assert await books.balance(PROVIDER) == (0, 0)
        assert await books.balance("losses:mpesa:KES") == (10_000, 0)
        assert not (await reconcile(operator)).has_drift
        assert await books.balance(PROVIDER) == (0, 0)

    async def test_agrees_when_its_line_comes_later(self, books: Books, operator: Any) -> None:
        paid = await books.settled_deposit(10_000)
        await reconcile(operator)
        report = await reconcile(operator, line(await receipt(books, paid), 10_000))
        assert not report.has_drift
        assert await store.discrepancies(operator, closed=False) == []


class TestSuspense:
    async def test_money_that_went_back_closes_what_nobody_claimed(
        self, books: Books, operator: Any
    ) -> None:
        paid = await books.deposit()
        assert await books.apply(paid.result("settled", amount=Money(9_000, "KES"))) == ["conflict"]
        decision = {"payment_id": str(paid.payment_id), "as": "failed", **SIGNED}
        await operators.resolve(operator, decision)
        came = line(await receipt(books, paid), 9_000)
        await reconcile(operator, came, line("UKN9", -9_000))
        unclaimed, back = await store.discrepancies(operator, closed=False)
        assert (unclaimed.kind, back.kind) == ("unclaimed", "missing_here")
        with pytest.raises(Refused, match=r"suspense holds 90.00 KES"):
            await change(operator, back.discrepancy_id, "close")
        other = str(unclaimed.discrepancy_id)
        await change(operator, back.discrepancy_id, "close", **{"with": other})
        assert await store.discrepancies(operator, closed=False) == []
        assert not (await reconcile(operator, came, line("UKN9", -9_000))).has_drift

    async def test_a_write_off_can_be_corrected_and_is_open_again(
        self, books: Books, operator: Any
    ) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        await change(operator, 1, "close", write_off="adjustments")
        assert await books.balance("adjustments:mpesa:KES") == (-7_700, 0)
        written_off = await books.admin.fetchval(
            "select tx_id from ledger.ledger_tx where kind = 'resolution'"
        )
        await operators.correct(operator, {"tx_id": str(written_off), **SIGNED})
        assert await books.balance(SUSPENSE) == (-7_700, 0)
        [one] = await store.discrepancies(operator, closed=False)
        assert (one.state, one.in_suspense.minor) == ("open", -7_700)


class TestPeople:
    async def test_owners_change_and_all_of_it_is_kept(self, books: Books, operator: Any) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        await change(operator, 1, "assign", owner="brian")
        [one] = await store.discrepancies(operator, closed=False)
        assert one.owner == "brian"
        kept = await books.admin.fetch("select action, operator from ledger.discrepancy_event")
        assert [tuple(row) for row in kept] == [
            ("opened", "amina"),
            ("booked", "amina"),
            ("assign", "amina"),
        ]

    async def test_what_is_closed_stays_closed(self, books: Books, operator: Any) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        await change(operator, 1, "close", write_off="adjustments")
        with pytest.raises(Refused, match="no such discrepancy is open"):
            await change(operator, 1, "explain")

    async def test_need_a_name_and_a_reason(self, books: Books, operator: Any) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        with pytest.raises(Refused, match="operator and reason"):
            await change(operator, 1, "explain", reason=" ")


class TestAnyLife:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    async def test_holds_together_and_comes_to_rest(
        self, books: Books, operator: Any, seed: int
    ) -> None:
        """Payments, lines right and wrong, decisions: in any order."""
        chance, lines = Random(seed), dict[str, dict[str, Any]]()
        for number in range(25):
            step = chance.choice(["settle", "settle", "stranger", "reconcile", "close", "correct"])
            if step == "settle":
                paid = await books.deposit(10_000)
                name, known = f"R{number}", chance.choice([True, True, False])
                told = paid.result("settled", provider_reference=name if known else None)
                assert await books.apply(told) == ["applied"]
                if chance.random() < 0.8:
                    hints = [*FORMAT.hints(paid.payment_id)]
                    gross = chance.choice([10_000, 10_000, 9_000])
                    lines[name] = line(name, gross, hints=hints)
            elif step == "stranger":
                lines[f"S{number}"] = line(f"S{number}", chance.choice([500, -500]))
            elif step == "reconcile":
                await reconcile(operator, *lines.values())
            elif step == "close":
                for one in (await store.discrepancies(operator, closed=False))[:1]:
                    account = chance.choice(["adjustments", "losses", "provider-costs"])
                    await change(operator, one.discrepancy_id, "close", write_off=account)
            else:
                row = await books.admin.fetchval(
                    """select tx_id from ledger.ledger_tx tx where kind = 'resolution'
                       and not exists (select from ledger.ledger_tx c
                                       where c.kind = 'correction' and c.ref = tx.tx_id::text)"""
                )
                if row:
                    await operators.correct(operator, {"tx_id": str(row), **SIGNED})
        first = await reconcile(operator, *lines.values())
        assert await books.broken() == set()
        written = await books.admin.fetchval("select count(*) from ledger.ledger_tx")
        second = await reconcile(operator, *lines.values())
        assert verdicts(first) == verdicts(second)
        assert await books.admin.fetchval("select count(*) from ledger.ledger_tx") == written
        for one in await store.discrepancies(operator, closed=False):
            await change(operator, one.discrepancy_id, "close", write_off="adjustments")
        assert not (await reconcile(operator, *lines.values())).has_drift
        assert await books.balance(PROVIDER) == (sum(told["gross"] for told in lines.values()), 0)
        assert await books.balance(SUSPENSE) == (0, 0)


class TestRebuild:
    async def test_what_reconciliations_posted_comes_back_from_the_log(
        self, books: Books, operator: Any, database: str, other_database: str
    ) -> None:
        paid = await books.settled_deposit(10_000)
        await reconcile(operator, line("UKN4", 7_700), line("UKN5", 100))
        await change(operator, 1, "close", write_off="adjustments")
        await change(operator, 2, "close", write_off="losses")
        written_off = await books.admin.fetchval(
            "select min(tx_id) from ledger.ledger_tx where kind = 'resolution'"
        )
        await operators.correct(operator, {"tx_id": str(written_off), **SIGNED})
        known = line(await receipt(books, paid), 9_900)
        await reconcile(operator, line("UKN4", 7_700), line("UKN5", 100), known)
        async with (
            open_connection(database) as original,
            open_connection(other_database) as rebuilt,
        ):
            async with original.transaction(isolation="repeatable_read", readonly=True):
                lines = [told async for told in export_log(original)]
                head = await head_of_journal(original)
            taking = Replay(rebuilt)
            await taking.begin()
            await taking.take(lines)
            await taking.finish()
            async with rebuilt.transaction():
                assert await head_of_journal(rebuilt) == head
        async with operator_session(other_database) as other:
            await reconcile(other, line("UKN4", 7_700), line("UKN5", 100), known)
            assert await other.fetchval("select max(tx_id) from ledger.ledger_tx") == (
                await books.admin.fetchval("select max(tx_id) from ledger.ledger_tx")
            )
            open_here = await store.discrepancies(operator, closed=False)
            open_there = await store.discrepancies(other, closed=False)
            left = [
                [(one.kind, one.in_suspense) for one in found] for found in (open_here, open_there)
            ]
            assert sorted(left[0], key=str) == sorted(left[1], key=str) != []


class TestVerifier:
    async def test_finds_a_posting_in_a_reconciled_period_that_no_line_knows(
        self, books: Books, operator: Any
    ) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        paid = await books.deposit(10_000)
        assert await books.apply(paid.result("settled")) == ["applied"]
        assert await books.broken() == {"providers_agree"}
        await reconcile(operator, line("UKN4", 7_700))

    async def test_finds_suspense_that_nobody_owns(self, books: Books, operator: Any) -> None:
        await reconcile(operator, line("UKN4", 7_700))
        await books.admin.execute("update ledger.discrepancy set in_suspense = -1")
        assert await books.broken() == {"suspense_is_owned"}
        await books.admin.execute("update ledger.discrepancy set in_suspense = -7700")
