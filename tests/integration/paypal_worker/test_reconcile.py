"""`cift reconcile paypal` against the ledger: PayPal's transaction search and what we posted."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cift_shared.attempts.store import attempt_id_of
from cift_shared.money.amount import Money
from ledger.cli.reconcile import reconcile
from tests.integration.ledger.books import NOON, Books, Paid, open_books

pytestmark = pytest.mark.integration

ON_PAYPAL = {"method": "paypal", "rail": "paypal", "currency": "USD"}
CAPTURE, REFUND, PAYOUT = "3C679366HH908993F", "1JU08902781691411", "8AB12345CD678901E"
OTHER, STRANGER = "2AA779366HH908993B", "9ZZ00000XX111111Q"
SUSPENSE = "suspense:paypal:USD"


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    async with open_books(database) as opened:
        yield opened
        assert await opened.broken() == set()


def row(name: str, code: str, value: str, fee: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of the search, with personal data that must not rest in the books."""
    info = {
        "transaction_id": name,
        "transaction_event_code": code,
        "transaction_initiation_date": NOON.isoformat(),
        "transaction_updated_date": NOON.isoformat(),
        "transaction_amount": {"currency_code": "USD", "value": value},
        "transaction_status": "S",
        "transaction_note": "jane@example.com",
        **more,
    }
    if fee is not None:
        info["fee_amount"] = {"currency_code": "USD", "value": fee}
    return {"transaction_info": info, "payer_info": {"email_address": "jane@example.com"}}


def linked(name: str) -> dict[str, str]:
    return {"paypal_reference_id": name, "paypal_reference_id_type": "TXN"}


def search(*rows: dict[str, Any]) -> str:
    """The answer of `/v1/reporting/transactions`."""
    day = {"start_date": "2026-03-01T00:00:00Z", "end_date": "2026-03-02T00:00:00Z"}
    pages = {"page": 1, "total_items": len(rows), "total_pages": 1}
    return json.dumps({"transaction_details": list(rows), **day, **pages})


async def deposit(books: Books, reference: str | None = CAPTURE) -> Paid:
    """A settled deposit of 100.00 of which PayPal kept 3.98."""
    paid = await books.deposit(100_00, 2_50, **ON_PAYPAL)
    told = {"provider_reference": reference, "provider_fee": Money(3_98, "USD")}
    assert await books.apply(paid.result("settled", seq=9, **told)) == ["applied"]
    return paid


async def payout(books: Books) -> Paid:
    """A settled withdrawal of 50.00 out of a deposit, for which PayPal charged 0.25."""
    await deposit(books)
    paid = await books.withdrawal(50_00, 50, **ON_PAYPAL)
    told = {"provider_reference": PAYOUT, "provider_fee": Money(25, "USD")}
    assert await books.apply(paid.result("settled", seq=9, **told)) == ["applied"]
    return paid


async def compared(database: str, folder: Path, *rows: dict[str, Any]) -> Result:
    """The command as an operator types it."""
    file = folder / "paypal.json"
    file.write_text(search(*rows))
    words = ["paypal", "--statement", str(file), "--currency", "USD", "--operator", "amina",
             "--in-transit-minutes", "0", "--json"]  # fmt: skip
    environment = {"DATABASE_URL": database, "CIFT_MODE": "test"}
    done = await asyncio.to_thread(CliRunner().invoke, reconcile, words, env=environment)
    assert "jane@example.com" not in done.output
    return done


def differing(done: Result) -> dict[str, tuple[str, str]]:
    groups = json.loads(done.stdout)["differing"]
    return {group["name"]: (group["verdict"], group["difference"]) for group in groups}


DEPOSITED = row(CAPTURE, "T0006", "100.00", "-3.98")
REFUNDED = row(REFUND, "T1107", "-30.00", **linked(OTHER))
PAID_OUT = row(PAYOUT, "T0001", "-50.00", "-0.25")


async def test_a_deposit_its_refund_a_payout_and_their_fees_agree(
    books: Books, database: str, tmp_path: Path
) -> None:
    await payout(books)
    paid = await deposit(books, OTHER)
    refund, _ = await books.refund(paid, 30_00, **ON_PAYPAL)
    told = refund.result("settled", method="paypal", rail="paypal", provider_reference=REFUND)
    assert await books.apply(told) == ["applied"]
    held = row("7HH", "T1503", "-50.25")
    done = await compared(
        database,
        tmp_path,
        DEPOSITED,
        row(OTHER, "T0006", "100.00", "-3.98"),
        REFUNDED,
        PAID_OUT,
        held,
    )
    assert (done.exit_code, differing(done)) == (0, {}), done.output
    assert await books.balance(SUSPENSE) == (0, 0)


async def test_a_line_that_is_missing_on_each_side_is_told_once(
    books: Books, database: str, tmp_path: Path
) -> None:
    await payout(books)
    for _ in range(2):
        done = await compared(
            database, tmp_path, PAID_OUT, row(STRANGER, "T0006", "77.00", "-3.18")
        )
        assert done.exit_code == 1, done.output
        assert differing(done) == {
            STRANGER: ("missing_here", "73.82"), CAPTURE: ("missing_there", "-96.02"),
        }  # fmt: skip
        assert await books.balance(SUSPENSE) == (-73_82, 0)


async def test_another_fee_than_we_booked_is_a_difference(
    books: Books, database: str, tmp_path: Path
) -> None:
    await payout(books)
    done = await compared(database, tmp_path, DEPOSITED, row(PAYOUT, "T0001", "-50.00", "-0.40"))
    assert (done.exit_code, differing(done)) == (1, {PAYOUT: ("amount_mismatch", "-0.15")})


async def test_a_fee_in_a_row_of_its_own_belongs_to_its_payout(
    books: Books, database: str, tmp_path: Path
) -> None:
    """PayPal's reports before 2018 have it so."""
    await payout(books)
    rows = DEPOSITED, row(PAYOUT, "T0001", "-50.00"), row("6FF", "T0104", "-0.25", **linked(PAYOUT))
    done = await compared(database, tmp_path, *rows)
    assert (done.exit_code, differing(done)) == (0, {}), done.output


async def test_a_deposit_without_reference_is_found_by_our_own_id(
    books: Books, database: str, tmp_path: Path
) -> None:
    paid = await deposit(books, None)
    ours = {"custom_field": str(attempt_id_of(paid.payment_id))}
    done = await compared(database, tmp_path, row(CAPTURE, "T0006", "100.00", "-3.98", **ours))
    assert (done.exit_code, differing(done)) == (0, {}), done.output


@pytest.mark.parametrize(
    ("fee", "wanted"), [(None, {}), ("0.25", {"5RR": ("amount_mismatch", "0.25")})]
)
async def test_a_payout_that_came_back(
    books: Books, database: str, tmp_path: Path, fee: str | None, wanted: dict[str, Any]
) -> None:
    """The fee of a payout stays our cost; if PayPal gives it back, that is a difference."""
    paid = await payout(books)
    back = paid.result(
        "reversed", seq=10, amount=Money(50_00, "USD"), provider_reference="ITEM:reversed",
        occurred_at=NOON + timedelta(seconds=10), reason="REVERSED",
    )  # fmt: skip
    assert await books.apply(back) == ["applied"]
    returned = row("5RR", "T1115", "50.00", fee, **linked(PAYOUT))
    done = await compared(database, tmp_path, DEPOSITED, PAID_OUT, returned)
    assert differing(done) == wanted, done.output
