"""`cift ledger ...` and `cift reconcile ...` as operators type them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cift_shared.money.amount import Money
from ledger.cli import ledger
from ledger.cli.reconcile import reconcile
from tests.integration.ledger.books import MERCHANT, Books, Paid

pytestmark = pytest.mark.integration

SIGNED = ["--operator", "amina", "--reason", "the statement says so"]
HEADINGS = (
    "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,Balance,Reason Type,"
    "Details,Other Party Info,Linked Transaction ID,A/C No."
)
ROW = 'UKN4AAAA01,2026-03-01 15:00:00,Completed,"77.00",,77.00,Pay Bill,254708374149,JANE,,x'


async def cift(group: Any, dsn: str, *words: str, **more: Any) -> Result:
    """A command as the shell runs it: a process of its own, hence a thread here."""
    environment = {"DATABASE_URL": dsn, "CIFT_MODE": "test"}
    run = CliRunner().invoke
    return await asyncio.to_thread(run, group, list(words), env=environment, **more)


@pytest.fixture
async def waiting(books: Books) -> Paid:
    """A deposit in review, because 90.00 arrived instead of 100.00."""
    paid = await books.deposit(10_000, 250)
    result = paid.result("settled", seq=5, amount=Money(9_000, "KES"))
    assert await books.apply(result) == ["conflict"]
    return paid


class TestReview:
    async def test_tells_what_people_need(self, database: str, waiting: Paid) -> None:
        told = await cift(ledger, database, "review")
        assert told.exit_code == 0, told.output
        for word in (str(waiting.payment_id), "asked 100.00 KES", "amount_mismatch", "90.00 KES"):
            assert word in told.output
        assert told.output.endswith("1 in review\n")

    async def test_tells_it_to_programs(self, database: str, waiting: Paid) -> None:
        told = await cift(ledger, database, "review", "--json")
        [facts] = json.loads(told.output)
        assert (facts["payment_id"], facts["suspense"]) == (str(waiting.payment_id), "90.00 KES")


class TestResolve:
    async def test_prices_what_arrived_by_the_price_list(
        self, books: Books, database: str, waiting: Paid
    ) -> None:
        words = ["resolve", str(waiting.payment_id), "--as", "completed", "--yes", *SIGNED]
        done = await cift(ledger, database, *words)
        assert done.exit_code == 0, done.output
        assert "will be   completed: 90.00 KES, fee 2.25" in done.output
        assert await books.customer() == (8_775, 0)

    async def test_asks_first(self, books: Books, database: str, waiting: Paid) -> None:
        words = ["resolve", str(waiting.payment_id), "--as", "failed", *SIGNED]
        refused = await cift(ledger, database, *words, input="n\n")
        assert refused.exit_code == 1
        assert await books.status(waiting) == "in_review"
        done = await cift(ledger, database, *words, input="y\n")
        assert done.exit_code == 0, done.output
        assert await books.status(waiting) == "failed"

    async def test_says_what_is_wrong_in_one_line(
        self, books: Books, database: str, waiting: Paid
    ) -> None:
        payment = ["resolve", str(waiting.payment_id), "--yes", *SIGNED]
        for words, told in (
            (["--as", "completed", "--amount", "ten"], "amount must be text"),
            (["--as", "completed", "--fee", "91.00"], "between zero and the amount"),
            (["--as", "failed", "--amount", "10.00"], "has no amount"),
        ):
            answer = await cift(ledger, database, *payment, *words)
            assert answer.exit_code != 0
            assert told in answer.output
            assert "Traceback" not in answer.output
        assert await books.status(waiting) == "in_review"

    async def test_knows_no_other_payment(self, books: Books, database: str) -> None:
        paid = await books.settled_deposit()
        words = ["resolve", str(paid.payment_id), "--as", "failed", "--yes", *SIGNED]
        answer = await cift(ledger, database, *words)
        assert answer.exit_code == 3
        assert "no payment with this id is in review" in answer.output


class TestHold:
    async def test_lives_and_ends(self, books: Books, database: str) -> None:
        await books.settled_deposit()
        placed = await cift(
            ledger, database, "hold", "place", "--merchant", MERCHANT, "--mode", "test",
            "--customer", "c1", "--amount", "30.00", "--currency", "KES", "--key", "h1",
            "--until", "2999-01-01", *SIGNED,
        )  # fmt: skip
        assert placed.output == "hold h1: 30.00 KES\n"
        listed = (await cift(ledger, database, "hold", "list")).output
        assert listed.splitlines()[1].split()[:4] == ["h1", "held", "30.00", "KES"]
        taken = await cift(ledger, database, "hold", "capture", "h1", "--amount", "10", *SIGNED)
        assert taken.exit_code == 0, taken.output
        again = await cift(ledger, database, "hold", "release", "h1", *SIGNED)
        assert "it was captured" in again.output
        ended = (await cift(ledger, database, "hold", "list", "--ended")).output
        assert ended.splitlines()[1].split()[:5] == ["h1", "captured", "10.00", "30.00", "KES"]
        assert await books.customer() == (8_750, 0)

    async def test_correct_undoes_its_capture(self, books: Books, database: str) -> None:
        await books.settled_deposit()
        order = ["--merchant", MERCHANT, "--mode", "test", "--customer", "c1", "--amount", "30"]
        await cift(
            ledger, database, "hold", "place", *order, "--currency", "KES", "--key", "h1", *SIGNED
        )
        taken = await cift(ledger, database, "hold", "capture", "h1", *SIGNED)
        tx_id = taken.output.split()[-1]
        done = await cift(ledger, database, "correct", "--transaction", tx_id, *SIGNED)
        assert done.exit_code == 0, done.output
        assert await books.customer() == (9_750, 0)


class TestReconcile:
    async def test_drift_is_told_and_is_the_exit_status(
        self, books: Books, database: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "statement.csv"
        file.write_text(f"{HEADINGS}\n{ROW}\n")
        words = ["mpesa", "--statement", str(file), "--operator", "amina"]
        words += ["--in-transit-minutes", "0"]
        found = await cift(reconcile, database, *words)
        assert found.exit_code == 1, found.output
        assert "missing_here    UKN4AAAA01  theirs 77.00  ours 0.00" in found.output
        assert "708374149" not in found.output
        assert await books.balance("suspense:mpesa:KES") == (-7_700, 0)
        listed = await cift(reconcile, database, "list")
        assert "#1  open  amina  0 min  mpesa (test)  missing_here  UKN4AAAA01" in listed.output
        closed = await cift(
            reconcile, database, "close", "1", "--write-off", "adjustments", *SIGNED
        )
        assert closed.exit_code == 0, closed.output
        again = await cift(reconcile, database, *words, "--json")
        assert again.exit_code == 0, again.output
        facts = json.loads(again.output)
        assert facts["drift"] is False
        assert facts["differing"][0]["discrepancy"]["state"] == "closed"

    async def test_nothing_personal_rests_in_the_books(
        self, books: Books, database: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "statement.csv"
        file.write_text(f"{HEADINGS}\n{ROW}\n")
        await cift(reconcile, database, "mpesa", "--statement", str(file))
        kept = await books.admin.fetch("select to_jsonb(l)::text from ledger.provider_line l")
        assert "708374149" not in str(kept)
        assert "JANE" not in str(kept)

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["--statement", "/no/such/file"], "the statement can't be read"),
            (["--statement", "-"], "no row of headings"),
            (["--statement", "http://127.0.0.1:9/x"], "the statement can't be read"),
            (["--statement", "-", "--currency", "USD"], "no row of headings"),
        ],
    )
    async def test_bad_input_is_told_in_one_line(
        self, database: str, words: list[str], told: str
    ) -> None:
        answer = await cift(reconcile, database, "mpesa", *words, input="hello")
        assert answer.exit_code == 2
        assert told in answer.output
        assert len(answer.stderr.splitlines()) == 1
