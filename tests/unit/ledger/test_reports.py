"""Percentages are exact, and what is exported harms nobody."""

import csv
import io
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.money.amount import Money
from ledger.reports.export import CsvWriter, Sums, harmless
from ledger.reports.summaries import FeeLine, TrialLine, share_percent, totals


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(250, 10_000, "2.5000"), (1, 3, "33.3333"), (2, 3, "66.6667"), (-1, 3, "-33.3333"),
     (1, 2_000_000, "0.0001"), (0, 1, "0.0000")],
)  # fmt: skip
def test_a_share_has_four_places(part: int, whole: int, percent: str) -> None:
    assert str(share_percent(Money(part, "KES"), Money(whole, "KES"))) == percent


def test_there_is_no_share_of_nothing() -> None:
    assert share_percent(Money(1, "KES"), Money(0, "KES")) is None
    assert share_percent(Money(1, "KES"), Money(-1, "KES")) is None


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(1, 10**38 - 1))
def test_a_share_is_right_at_any_size(part: int, whole: int) -> None:
    share = share_percent(Money(part, "ETH"), Money(whole, "ETH"))
    assert share is not None
    assert abs(Fraction(share) - Fraction(part * 100, whole)) <= Fraction(1, 20_000)


def test_volume_and_margin_follow_from_what_was_booked() -> None:
    amounts = [Money(minor, "KES") for minor in (1000, 500, 300, 36, 6)]
    line = FeeLine("test", "mpesa", date(2026, 1, 1), *amounts)
    assert (line.volume.minor, line.margin.minor, line.share_percent) == (1200, 30, Decimal(3))


def test_totals_are_apart_by_mode_and_currency() -> None:
    def line(mode: str, debit: int, credit: int, currency: str) -> TrialLine:
        return TrialLine(mode, "asset", "x", 1, Money(debit, currency), Money(credit, currency))

    sums = totals([line("test", 5, 0, "KES"), line("test", 0, 5, "KES"), line("live", 0, 5, "KES"),
                   line("test", 1, 1, "USD")])  # fmt: skip
    told = [(total.mode, total.debit.currency, total.balances) for total in sums]
    assert told == [("test", "KES", True), ("live", "KES", False), ("test", "USD", True)]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_text_is_never_a_formula(sign: str) -> None:
    assert harmless(f"{sign}1+1") == f"'{sign}1+1"
    assert harmless(f"1{sign}1") == f"1{sign}1"


def line(**fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": "8", "kind": "settlement", "reference": "=HYPERLINK(1)",
        "payment_id": None, "booked_at": "2026-01-01T00:00:00+00:00",
        "effective_at": "2026-01-01T00:00:00+00:00", "line": 1, "mode": "test",
        "tenant": 'a"b,c', "account": "fees:mpesa:KES", "class": "revenue", "currency": "KES",
        "amount": "-2.50", "minor": "-250", "balance_after": "-2.50", **fields,
    }  # fmt: skip


def test_a_row_reads_back_as_it_was_written() -> None:
    stream = io.StringIO(newline="")
    CsvWriter(stream).write([line()])
    (row,) = csv.DictReader(io.StringIO(stream.getvalue(), newline=""))
    assert row["reference"] == "'=HYPERLINK(1)"
    assert row["tenant"] == 'a"b,c'
    assert (row["amount"], row["minor"], row["payment_id"]) == ("-2.50", "-250", "")


def test_control_sums_are_added_by_mode_and_currency() -> None:
    sums = Sums()
    sums.add([line(), line(minor="250")])
    sums.add([line(minor="-7", currency="JPY"), line(minor="7", currency="JPY")])
    assert sums.lines() == [
        "2 transactions, 4 entries",
        "test JPY: debit 7, credit 7",
        "test KES: debit 2.50, credit 2.50",
    ]
