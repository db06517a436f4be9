"""Each column, status, kind and time of the portal's export, and what a file may look like."""

from datetime import timedelta

import pytest

from cift_shared.rails.statements import ProviderLine, StatementUnreadable
from mpesa_common.portal import EAST_AFRICA
from mpesa_worker.statement import read
from tests.unit.mpesa_worker.test_statement import BACK, CHARGE, HEADINGS, IN, OUT, file

NEEDED = ["Receipt No.", "Completion Time", "Transaction Status", "Paid In", "Withdrawn"]


def only(content: bytes) -> ProviderLine:
    (line,) = read(content).lines
    return line


@pytest.mark.parametrize("column", NEEDED[1:])
def test_a_table_without_a_needed_column_is_refused(column: str) -> None:
    content = file(IN).replace(f",{column},".encode(), b",Other,", 1)
    with pytest.raises(StatementUnreadable, match=f"column missing: {column.lower()}$"):
        read(content)


def test_the_other_columns_may_lack() -> None:
    row = "UKN4AAAA01,2026-11-23 14:05:06,Completed,1000.00,"
    found = read((",".join(NEEDED) + "\n" + row).encode())
    shown = [(line.gross, line.kind, line.hints) for line in found.lines]
    assert shown == [(100_000, "other", ())]
    assert (found.opening, found.closing, found.gaps) == (None, None, ())


def test_headings_are_read_in_any_case_and_with_any_space() -> None:
    written = HEADINGS.replace("Receipt No.", " RECEIPT   No ").replace("Paid In", "paid in.")
    assert only(file(IN).replace(HEADINGS.encode(), written.encode())).gross == 100_000


@pytest.mark.parametrize("status", ["Failed", "DECLINED", "Cancelled", "canceled", "Expired"])
def test_a_row_that_moved_nothing_is_counted(status: str) -> None:
    found = read(file(IN.replace("Completed", status)))
    assert (found.lines, found.skipped) == ((), 1)


@pytest.mark.parametrize(
    ("reason", "details", "kind"),
    [
        ("Pay Bill Online", "x", "payment"),
        ("", "Pay Bill from", "payment"),
        ("Merchant Payment", "x", "payment"),
        ("Business Payment to Customer via API", "x", "payout"),
        ("Business Payment Charge", "x", "charge"),
        ("Online Transaction Reversal", "x", "reversal"),
        ("Reversal Charge", "x", "charge"),
        ("Organization Settlement", "x", "other"),
    ],
)
def test_words_of_a_row_show_its_kind(reason: str, details: str, kind: str) -> None:
    row = OUT.replace("Business Payment to Customer via API", reason)
    row = row.replace("Business Payment to 254708374149", details)
    assert only(file(row)).kind == kind


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("1000", 100_000),
        ("1.5", 150),
        ("0.01", 1),
        ('"1,000,000.25"', 100_000_025),
        ("9" * 15, int("9" * 15) * 100),
    ],
)
def test_amounts_are_exact(amount: str, cents: int) -> None:
    row = IN.replace('"1,000.00"', amount)
    assert only(file(row)).gross == cents


@pytest.mark.parametrize("amount", ["1.005", "1e3", "+1", "1.", ".5", "9" * 16, '"1,00"', "NaN"])
def test_other_texts_are_no_amount(amount: str) -> None:
    with pytest.raises(StatementUnreadable, match="line 5: Paid In is no amount"):
        read(file(IN.replace('"1,000.00"', amount)))


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("Withdrawn", OUT.replace("-400.00", "some")),
        ("Balance", IN.replace('"5,000.00"', "some")),
    ],
)
def test_the_column_of_a_wrong_amount_is_named(column: str, row: str) -> None:
    with pytest.raises(StatementUnreadable, match=f"line 5: {column} is no amount"):
        read(file(row))


def test_a_row_that_pays_in_and_out_is_refused() -> None:
    row = OUT.replace(",,-400.00,", ",400.00,-400.00,")
    with pytest.raises(StatementUnreadable, match="one of Paid In and Withdrawn"):
        read(file(row))


def test_several_charges_of_one_receipt_have_names_of_their_own() -> None:
    other = CHARGE.replace("4,577.60", "4,555.20")
    found = read(file(other, CHARGE, OUT)).lines
    assert [line.external_id for line in found] == [
        "UKN4AAAA02",
        "UKN4AAAA02:charge",
        "UKN4AAAA02:charge2",
    ]
    assert [line.fee for line in found] == [0, 2_240, 2_240]
    assert {line.currency for line in found} == {"KES"}


def test_rows_that_are_oldest_first_stay_so() -> None:
    oldest_first, newest_first = (
        read(file(IN, OUT, CHARGE, BACK)),
        read(file(BACK, CHARGE, OUT, IN)),
    )
    assert oldest_first.lines == newest_first.lines
    assert (oldest_first.opening, oldest_first.closing) == (400_000, 357_760)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_rows_of_one_second_follow_their_balances_in_either_order(is_reversed: bool) -> None:
    rows = [OUT, CHARGE][:: -1 if is_reversed else 1]
    found = read(file(*rows))
    assert [line.kind for line in found.lines] == ["payout", "charge"]
    assert (found.opening, found.closing, found.gaps) == (500_000, 457_760, ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(end: str) -> None:
    assert len(read(file(OUT, IN).replace(b"\n", end.encode())).lines) == 2


def test_a_row_may_leave_out_its_last_cells() -> None:
    assert only(file(OUT.rstrip(","))).gross == -40_000


def test_a_cell_after_its_closing_quote_is_not_csv() -> None:
    with pytest.raises(StatementUnreadable, match="line 5: not CSV: "):
        read(file(IN.replace('"1,000.00"', '"1,000.00"0')))


def test_a_statement_has_at_most_two_hundred_million_bytes() -> None:
    largest = b"\xff" + bytes(199_999_999)
    with pytest.raises(StatementUnreadable, match="not UTF-8 at byte 0"):
        read(largest)
    with pytest.raises(StatementUnreadable, match="more than 200000000 bytes"):
        read(largest + b"x")


def test_its_days_are_those_of_east_africa() -> None:
    assert (EAST_AFRICA.utcoffset(None), EAST_AFRICA.tzname(None)) == (timedelta(hours=3), "EAT")
