"""The portal's export: every line once, whole amounts, local time; nothing personal."""

from datetime import timedelta
from uuid import uuid4

import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import StatementFormat, StatementUnreadable
from momo_worker.statement import RWANDA, UGANDA

HEAD = "Id,External id,Date,Status,Type,From,To,Amount,Currency,Fee,Currency"
PAID = "15,a-1,2026-11-29 18:04:05,Successful,Payment,FRI:256/MSISDN,us,20000,UGX,100,UGX"
SENT = "16,a-2,29/11/2026 19:04:05,Successful,Transfer,us,FRI:256/MSISDN,-5000,UGX,,UGX"


def read(*lines: str, form=UGANDA):
    return form.read("\n".join(lines).encode())


def test_a_line_of_each_kind() -> None:
    back = SENT.replace("16,a-2", "17,").replace("Transfer", "Refund")
    failed = PAID.replace("15,", "18,").replace("Successful", "Failed")
    found = read(HEAD, SENT, PAID, back, failed, "")
    shown = [
        (line.external_id, line.kind, line.gross, line.fee, line.hints) for line in found.lines
    ]
    assert shown == [
        ("15", "payment", 20_000, 100, ("external a-1",)),
        ("16", "payout", -5_000, 0, ("external a-2",)),
        ("17", "reversal", -5_000, 0, ()),
    ]
    assert (found.skipped, found.opening, found.closing) == (1, None, None)
    assert {line.references for line in found.lines} == {("15",), ("16",), ("17",)}
    assert found.lines[0].at.isoformat() == "2026-11-29T18:04:05+03:00"


def test_columns_may_be_in_any_order_and_some_may_lack() -> None:
    found = read("Amount;Type;Status;Date;Id", "1,000;Payment;completed;2026-11-29 18:04:05;15",
                 form=RWANDA)  # fmt: skip
    (line,) = found.lines
    assert (line.gross, line.fee, line.currency) == (1_000, 0, "RWF")
    assert line.at.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("status", "moved"),
    [
        *((word, 1) for word in ("Successful", "SUCCESS", "completed")),
        *((word, 0) for word in ("Failed", "Pending", "Rejected", "Expired")),
        *((word, 0) for word in ("Canceled", "Cancelled")),
    ],
)
def test_the_status_says_whether_money_moved(status: str, moved: int) -> None:
    found = read(HEAD, PAID.replace("Successful", status))
    assert (len(found.lines), found.skipped) == (moved, 1 - moved)


@pytest.mark.parametrize(
    ("word", "units", "kind"),
    [
        ("Refund", -500, "reversal"),
        ("Reversal", 500, "reversal"),
        ("Transfer", -1, "payout"),
        ("Payment", 0, "payment"),
        ("Anything", 1, "payment"),
    ],
)
def test_the_type_and_the_sign_say_what_a_line_is(word: str, units: int, kind: str) -> None:
    line = PAID.replace("Payment", word).replace("20000", str(units))
    assert [found.kind for found in read(HEAD, line).lines] == [kind]


@pytest.mark.parametrize("name", ["Id", "Date", "Status", "Type", "Amount"])
def test_a_file_without_a_needed_column_is_refused(name: str) -> None:
    with pytest.raises(StatementUnreadable, match=f"line 1: there is no column {name.lower()}$"):
        read(HEAD.replace(f"{name},", "Other,", 1), PAID)


@pytest.mark.parametrize("lacks", [1, 2])
def test_the_last_cells_of_a_line_may_be_left_out(lacks: int) -> None:
    cells = PAID.replace("Successful", "Completed").split(",")[:-lacks]
    (line,) = read(HEAD, ",".join(cells)).lines
    assert (line.gross, line.fee, line.currency) == (20_000, 100 if lacks == 1 else 0, "UGX")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(end: str) -> None:
    assert len(UGANDA.read(end.join([HEAD, PAID, SENT]).encode()).lines) == 2


def test_the_same_line_twice_counts_once() -> None:
    assert len(read(HEAD, PAID, PAID).lines) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (PAID.replace("20000", "20000.50"), "whole amount"),
        (PAID.replace("20000", "20000".zfill(41)), "whole amount"),
        (PAID.replace("20000", "many"), "not an amount"),
        (PAID.replace("20000", "NaN"), "not an amount"),
        (PAID.replace("20000,UGX", "20000,RWF"), "another currency"),
        (PAID.replace("100,UGX", "100,EUR"), "another currency"),
        (PAID.replace("Successful", "Soon"), "unknown status"),
        (PAID.replace("2026-11-29 18:04:05", "yesterday"), "not a time"),
        (PAID.replace("15,", "x y,"), "not an id"),
        (PAID.replace("15,", ","), "not an id"),
    ],
)
def test_a_line_that_can_not_be_read_is_named(line: str, words: str) -> None:
    with pytest.raises(StatementUnreadable, match=f"line 3: .*{words}"):
        read(HEAD, SENT, line)


def test_an_amount_may_have_40_characters() -> None:
    assert read(HEAD, PAID.replace("20000", "20000".zfill(40))).lines[0].gross == 20_000


def test_two_lines_of_one_id_are_refused() -> None:
    with pytest.raises(StatementUnreadable, match="line 3: its id stands twice"):
        read(HEAD, PAID, PAID.replace("20000", "30000"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is no header"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'"', "^not CSV$"),
        (b'"Id"x,Date\n', "^not CSV$"),
        (b"Id,Date\n", "no column status, type, amount"),
        (b"x" * 10, "no column id"),
    ],
)
def test_another_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(StatementUnreadable, match=words):
        UGANDA.read(content)


def test_a_file_has_at_most_a_hundred_million_bytes() -> None:
    largest = b"\xff" + bytes(99_999_999)
    with pytest.raises(StatementUnreadable, match="not UTF-8"):
        UGANDA.read(largest)
    with pytest.raises(StatementUnreadable, match="more than 100000000 bytes"):
        UGANDA.read(largest + b"x")


@pytest.mark.parametrize(
    ("form", "name", "hours"), [(UGANDA, "EAT", 3), (RWANDA, "CAT", 2)], ids=["UG", "RW"]
)
def test_a_day_ends_at_the_midnight_of_the_country(
    form: StatementFormat, name: str, hours: int
) -> None:
    assert form.timezone.utcoffset(None) == timedelta(hours=hours)
    assert form.timezone.tzname(None) == name


def test_the_hint_of_a_payment_is_its_attempt() -> None:
    payment = uuid4()
    assert UGANDA.hints(payment) == (f"external {attempt_id_of(payment)}",)
