"""What finance asks of the books: as of any moment, exact, and as a file."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cift_shared.money.amount import Money
from ledger.cli import ledger
from tests.integration.ledger.books import NOON, Books
from tests.integration.ledger.test_conversion import convert, wish

pytestmark = pytest.mark.integration

EVER = ("--from", "2020-01-01", "--to", "2100-01-01")


@pytest.fixture
def cift(database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database)

    async def run(*args: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, ledger, list(args))

    return run


async def some_life(books: Books) -> None:
    deposit = await books.settled_deposit(100_000, 2_500)
    out = await books.withdrawal(40_000, 1_000)
    fee = Money(120, "KES")
    await books.apply(out.result("settled", provider_fee=fee))
    refund, _ = await books.refund(deposit, 20_000)
    await books.apply(refund.result("settled"))
    await books.settled_deposit(50_000, 1_250, customer_id="c2")
    wrong = await books.deposit(10_000, 250)
    await books.apply(wrong.result("settled", amount=Money(9_000, "KES")))
    await convert(books, wish(10_000, "KES", "USD", "0.0077"))


class TestTrialBalance:
    async def test_columns_are_equal(self, books: Books, cift: Any) -> None:
        await some_life(books)
        answer = await cift("trial-balance", "--json")
        assert answer.exit_code == 0, answer.output
        document = json.loads(answer.output)
        accounts = {line["account"]: line for line in document["accounts"]}
        assert accounts["provider:mpesa:KES"]["debit"] == "988.80"
        assert accounts["customer:*:KES"]["credit"] == "757.50"
        assert accounts["customer:*:KES"]["accounts"] == 2
        assert accounts["fees:mpesa:KES"]["credit"] == "42.50"
        assert accounts["suspense:mpesa:KES"]["credit"] == "90.00"
        assert accounts["liquidity:KES"]["credit"] == "100.00"
        assert accounts["liquidity:USD"]["debit"] == "0.77"
        for total in document["totals"]:
            assert total["balances"]
            assert total["debit"] == total["credit"]
        text = (await cift("trial-balance", "--currency", "KES")).output
        assert "customer:*:KES" in text
        assert "USD" not in text

    async def test_the_past_stays_as_it_was(self, books: Books, cift: Any) -> None:
        moments = []
        for _ in range(3):
            await books.settled_deposit(10_000, 250)
            moment = await books.admin.fetchval("select clock_timestamp()")
            now = json.loads((await cift("trial-balance", "--json")).output)
            moments.append((moment, now["accounts"]))
        late = await books.deposit(10_000, 250)
        await books.apply(late.result("settled", occurred_at=NOON - timedelta(days=400)))
        for moment, accounts in moments:
            answer = await cift("trial-balance", "--json", "--as-of", moment.isoformat())
            assert json.loads(answer.output)["accounts"] == accounts
        before = await cift("trial-balance", "--json", "--as-of", "2020-01-01")
        assert json.loads(before.output)["accounts"] == []

    async def test_modes_are_apart(self, books: Books, cift: Any) -> None:
        await books.settled_deposit()
        await books.settled_deposit(livemode=True)
        for mode in ("test", "live"):
            document = json.loads((await cift("trial-balance", "--json", "--mode", mode)).output)
            assert {line["mode"] for line in document["accounts"]} == {mode}

    async def test_a_moment_must_be_one(self, cift: Any) -> None:
        answer = await cift("trial-balance", "--as-of", "yesterday")
        assert answer.exit_code == 2
        assert "2026-11-01T12:30:00Z" in answer.output


class TestAsOf:
    """One look-up by halves against the plain sum over all entries."""

    async def test_any_moment_is_the_sum_of_what_was_booked(self, books: Books) -> None:
        for turn in range(13):
            await books.settled_deposit(1_000 + turn, 10)
            if turn % 3 == 0:
                out = await books.withdrawal(100, 1)
                await books.apply(out.result("settled"))
        rows = await books.admin.fetch(
            "select account_id, array_agg(distinct created_at) as times from ledger.entry "
            "group by account_id"
        )
        assert max(len(row["times"]) for row in rows) > 13
        for row in rows:
            for moment in row["times"]:
                for at in (moment, moment - timedelta(microseconds=1)):
                    posted, exact = await books.admin.fetchrow(
                        "select p.posted, (select coalesce(sum(amount), 0) from ledger.entry "
                        "where account_id = $1 and created_at <= $2) "
                        "from ledger.balance_as_of($1, $2) p",
                        row["account_id"], at,
                    )  # fmt: skip
                    assert posted == exact

    async def test_time_never_runs_backwards_along_an_account(self, books: Books) -> None:
        """Also where a transaction that began first is booked last."""
        accepted = [await books.deposit(1_000, 10) for _ in range(6)]
        first, *others = [paid.result("settled") for paid in accepted]
        slow = await books.ledger.acquire()
        try:
            transaction = slow.transaction()
            await transaction.start()
            await slow.fetchval("select now()")  # its now() is older than all that follows
            await asyncio.gather(*[books.apply(result) for result in others])
            body = f"[{first.model_dump_json()}]"
            await slow.fetch("select * from ledger.apply_results($1::text::jsonb)", body)
            await transaction.commit()
        finally:
            await books.ledger.release(slow)
        backwards = await books.admin.fetchval(
            "select count(*) from (select created_at, lag(created_at) over "
            "(partition by account_id order by account_version) as before from ledger.entry) e "
            "where created_at < before"
        )
        assert backwards == 0
        uneven = await books.admin.fetchval(
            "select count(*) from ledger.ledger_tx tx join ledger.entry e using (tx_id) "
            "where e.created_at <> tx.created_at"
        )
        assert uneven == 0


class TestFees:
    async def test_what_was_earned_on_what_was_moved(self, books: Books, cift: Any) -> None:
        await some_life(books)
        (line,) = json.loads((await cift("fees", *EVER, "--json")).output)
        assert line == {
            "mode": "test", "method": "mpesa", "currency": "KES", "period": "",
            "deposits": "1500.00", "withdrawals": "400.00", "refunds": "200.00",
            "volume": "1700.00", "fees": "42.50", "share_percent": "2.5000", "costs": "1.20",
            "margin": "41.30",
        }  # fmt: skip
        text = (await cift("fees", *EVER)).output
        assert "2.5000" in text

    async def test_costs_in_another_currency_have_a_line_of_their_own(
        self, books: Books, cift: Any
    ) -> None:
        paid = await books.deposit(10_000, 320, currency="EUR", method="card")
        await books.apply(paid.result("settled", provider_fee=Money(59, "USD")))
        lines = json.loads((await cift("fees", *EVER, "--json")).output)
        told = [
            (line["currency"], line["volume"], line["fees"], line["share_percent"], line["costs"])
            for line in lines
        ]
        assert told == [
            ("EUR", "100.00", "3.20", "3.2000", "0.00"),
            ("USD", "0.00", "0.00", "", "0.59"),
        ]

    async def test_what_was_reversed_counts_no_more(self, books: Books, cift: Any) -> None:
        await books.settled_deposit(50_000, 1_250)
        out = await books.withdrawal(10_000, 250)
        await books.apply(out.result("settled"))
        back = out.result("reversed", seq=2, amount=Money(10_000, "KES"), provider_reference="x")
        assert await books.apply(back) == ["applied"]
        (line,) = json.loads((await cift("fees", *EVER, "--json")).output)
        assert (line["withdrawals"], line["volume"], line["fees"]) == ("0.00", "500.00", "12.50")

    async def test_by_day_only_what_was_booked_then(self, books: Books, cift: Any) -> None:
        await books.settled_deposit(100_000, 2_500)
        today = datetime.now(UTC).date()
        lines = json.loads((await cift("fees", *EVER, "--by", "day", "--json")).output)
        assert [(line["period"], line["volume"]) for line in lines] in (
            [(today.isoformat(), "1000.00")],
            [((today - timedelta(days=1)).isoformat(), "1000.00")],  # midnight went by
        )
        answer = await cift("fees", "--from", "2020-01-01", "--to", "2020-02-01", "--json")
        assert json.loads(answer.output) == []

    async def test_an_empty_while_is_refused(self, cift: Any) -> None:
        answer = await cift("fees", "--from", "2026-01-01", "--to", "2026-01-01")
        assert answer.exit_code == 2


class TestExport:
    async def test_every_entry_once_in_order(self, books: Books, cift: Any, tmp_path: Path) -> None:
        await some_life(books)
        file = tmp_path / "journal.csv"
        answer = await cift("export", *EVER, "--output", str(file))
        assert answer.exit_code == 0, answer.output
        rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
        count = await books.admin.fetchval("select count(*) from ledger.entry")
        assert len(rows) == count
        assert sum(Decimal(row["amount"]) for row in rows if row["currency"] == "KES") == 0
        places = [(int(row["transaction_id"]), int(row["line"])) for row in rows]
        assert places == sorted(set(places))
        assert f"{count} entries" in answer.stderr
        assert "test KES: debit" in answer.stderr
        assert "test USD: debit 0.77, credit 0.77" in answer.stderr

    async def test_json_lines_hold_a_transaction_each(self, books: Books, cift: Any) -> None:
        await some_life(books)
        answer = await cift("export", *EVER, "--format", "jsonl", "--mode", "test")
        transactions = [json.loads(text) for text in answer.stdout.splitlines()]
        assert len(transactions) == await books.admin.fetchval(
            "select count(*) from ledger.ledger_tx"
        )
        kinds = {transaction["kind"] for transaction in transactions}
        assert {"settlement", "suspense", "provider_fee", "conversion"} <= kinds
        for transaction in transactions:
            assert len(transaction["entries"]) >= 2
        live = await cift("export", *EVER, "--format", "jsonl", "--mode", "live")
        assert live.stdout == ""

    async def test_a_failed_export_leaves_the_old_file(
        self, books: Books, cift: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "journal.csv"
        file.write_text("last month")
        await books.admin.execute("alter table ledger.entry rename to mislaid")
        try:
            answer = await cift("export", *EVER, "--output", str(file))
        finally:
            await books.admin.execute("alter table ledger.mislaid rename to entry")
        assert answer.exit_code == 3
        assert file.read_text() == "last month"
        assert not (tmp_path / "journal.csv.partial").exists()

    async def test_a_folder_that_is_not_there(self, cift: Any, tmp_path: Path) -> None:
        answer = await cift("export", *EVER, "--output", str(tmp_path / "no" / "such.csv"))
        assert answer.exit_code == 3
