"""The portal's statement becomes lines without personal data; what can't be read is an error."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cift_shared.rails.statements import StatementUnreadable, statement_format
from mpesa_worker.domain import account_reference
from mpesa_worker.statement import FORMAT, read

PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
HEADINGS = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,"
    "Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)
BLOCK = "Organization Statement\nShort Code:,174379\n\n"
IN = (
    "UKN4AAAA01,2026-11-23 14:05:06,2026-11-23 14:05:01,Pay Bill from 254708374149 - JANE WANJIKU,"
    'Completed,"1,000.00",,"5,000.00",true,Pay Bill Online,254708374149 - JANE WANJIKU,,'
    + account_reference(PAYMENT)
)
OUT = (
    "UKN4AAAA02,2026-11-23 14:06:06,2026-11-23 14:06:01,Business Payment to 254708374149,"
    'Completed,,-400.00,"4,600.00",true,Business Payment to Customer via API,JANE WANJIKU,,'
)
CHARGE = (
    "UKN4AAAA02,2026-11-23 14:06:06,2026-11-23 14:06:01,Business Payment Charge,"
    'Completed,,-22.40,"4,577.60",true,Business Payment Charge,,,'
)
BACK = (
    "UKN4AAAA03,2026-11-23 14:07:06,2026-11-23 14:07:01,Reversal,"
    'Completed,,"-1,000.00","3,577.60",true,Online Transaction Reversal,,UKN4AAAA01,'
)


def file(*rows: str) -> bytes:
    return (BLOCK + "\n".join([HEADINGS, *rows]) + "\n").encode()


class TestLines:
    def test_newest_first_as_the_portal_writes_them(self) -> None:
        statement = read(file(BACK, CHARGE, OUT, IN))
        assert [
            (line.external_id, line.kind, line.gross, line.fee) for line in statement.lines
        ] == [
            ("UKN4AAAA01", "payment", 100_000, 0),
            ("UKN4AAAA02", "payout", -40_000, 0),
            ("UKN4AAAA02:charge", "charge", 0, 2_240),
            ("UKN4AAAA03", "reversal", -100_000, 0),
        ]
        assert (statement.opening, statement.closing, statement.gaps) == (400_000, 357_760, ())

    def test_times_are_nairobis(self) -> None:
        [line] = read(file(IN)).lines
        assert line.at == datetime(2026, 11, 23, 11, 5, 6, tzinfo=UTC)

    def test_a_charge_refers_to_what_it_is_for(self) -> None:
        assert {line.references for line in read(file(CHARGE, OUT)).lines} == {("UKN4AAAA02",)}

    def test_hints_are_our_account_number_and_the_linked_receipt(self) -> None:
        paid, back = read(file(BACK, IN)).lines
        assert paid.hints == (f"account {account_reference(PAYMENT)}",)
        assert back.hints == ("linked UKN4AAAA01",)

    def test_nothing_personal_is_kept(self) -> None:
        typed = IN.replace(account_reference(PAYMENT), "0708374149")
        kept = repr(read(file(BACK, CHARGE, OUT, typed)))
        assert "708374149" not in kept
        assert "JANE" not in kept

    def test_what_failed_moved_nothing(self) -> None:
        statement = read(file(OUT, IN.replace("Completed", "Failed")))
        assert (len(statement.lines), statement.skipped) == (1, 1)

    @pytest.mark.parametrize("time", ["23-11-2026 14:05:06", "23.11.2026 14:05:06"])
    def test_other_exports_write_the_day_first(self, time: str) -> None:
        [line] = read(file(IN.replace("2026-11-23 14:05:06", time))).lines
        assert line.at == datetime(2026, 11, 23, 11, 5, 6, tzinfo=UTC)

    def test_withdrawn_without_its_minus_is_the_same(self) -> None:
        [line] = read(file(OUT.replace("-400.00", "400.00"))).lines
        assert line.gross == -40_000

    def test_an_empty_table_is_a_statement(self) -> None:
        assert read(file()).lines == ()

    def test_a_byte_order_mark_is_no_part_of_it(self) -> None:
        assert len(read(b"\xef\xbb\xbf" + file(IN)).lines) == 1


class TestBalances:
    def test_a_missing_row_leaves_a_jump(self) -> None:
        assert read(file(BACK, OUT, IN)).gaps == ("line 5",)

    def test_rows_of_one_second_are_ordered_by_their_balances(self) -> None:
        statement = read(file(CHARGE, OUT))
        assert (statement.gaps, statement.closing) == ((), 457_760)


class TestUnreadable:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "headings"),
            (b"a,b\nc,d\n", "headings"),
            (b"\xff\xfe", "UTF-8"),
            (b"Receipt No.,Paid In\n", "column missing: completion time"),
            (file(IN.replace("UKN4AAAA01", "")), "line 5: no receipt"),
            (file(IN.replace("1,000.00", "ten")), "line 5: Paid In is no amount"),
            (file(IN.replace("1,000.00", "1,00.00")), "line 5: Paid In is no amount"),
            (file(IN.replace('"1,000.00"', "")), "line 5: one of Paid In and Withdrawn"),
            (file(IN.replace("2026-11-23 14:05:06", "yesterday")), "Completion Time is no time"),
            (file(IN.replace("Completed", "Perhaps")), "line 5: transaction status 'perhaps'"),
            (file(IN, IN), "receipt UKN4AAAA01 stands twice"),
            (file(IN + ",extra"), "line 5: more cells than headings"),
            (file(IN.replace("Pay Bill from", '"Pay Bill"x')), "not CSV"),
        ],
    )
    def test_says_where(self, content: bytes, told: str) -> None:
        with pytest.raises(StatementUnreadable, match=told):
            read(content)


def test_the_format_is_found_by_its_method() -> None:
    assert statement_format("mpesa") is FORMAT
