"""Answers of the transaction search become lines without personal data, or an error."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import StatementUnreadable
from paypal_worker.statement import FORMAT, read

PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
AT = "2026-11-23T14:05:06Z"


def row(
    transaction_id: str | None = "1AB", code: str = "T0006", value: str = "100.00", **more: Any
) -> Any:
    """A row of the search, with personal data that no line may show."""
    info = {
        "transaction_id": transaction_id,
        "transaction_event_code": code,
        "transaction_initiation_date": AT,
        "transaction_updated_date": AT,
        "transaction_amount": {"currency_code": "USD", "value": value},
        "transaction_status": "S",
        "transaction_subject": "for jane@example.com",
        "transaction_note": "jane@example.com",
        **more,
    }
    payer = {"email_address": "jane@example.com", "payer_name": {"surname": "Wanjiku"}}
    return {
        "transaction_info": {name: value for name, value in info.items() if value is not None},
        "payer_info": payer,
    }


def page(*rows: Any, number: int = 1, of: int = 1, **more: Any) -> dict[str, Any]:
    details = {"transaction_details": list(rows)} if rows else {}
    dates = {"start_date": "2026-11-01T00:00:00Z", "end_date": "2026-11-30T00:00:00Z"}
    return {**details, **dates, "page": number, "total_items": len(rows), "total_pages": of, **more}


def file(*pages: Any) -> bytes:
    return json.dumps(pages[0] if len(pages) == 1 else list(pages)).encode()


def usd(value: str) -> dict[str, str]:
    return {"currency_code": "USD", "value": value}


class TestLines:
    @pytest.mark.parametrize(
        ("code", "value", "fee", "kind", "gross", "cost"),
        [
            ("T0006", "100.00", "-3.98", "payment", 100_00, 3_98),
            ("T0001", "-50.00", "-0.25", "payout", -50_00, 25),
            ("T1115", "50.00", "0.25", "reversal", 50_00, -25),
            ("T1114", "50.00", None, "reversal", 50_00, 0),
            ("T1107", "-30.00", None, "reversal", -30_00, 0),
            ("T0104", "-0.25", None, "charge", 0, 25),
            ("T0403", "-900.00", None, "other", -900_00, 0),
        ],
    )
    def test_by_event_code(
        self, code: str, value: str, fee: str | None, kind: str, gross: int, cost: int
    ) -> None:
        given = row(code=code, value=value, fee_amount=usd(fee) if fee else None)
        [line] = read(file(page(given))).lines
        assert (line.kind, line.gross, line.fee) == (kind, gross, cost)

    def test_the_oldest_comes_first(self) -> None:
        later = row("2", transaction_updated_date="2026-11-24T00:00:00+02:00")
        statement = read(file(page(later, row("1"))))
        assert [line.external_id for line in statement.lines] == ["1", "2"]
        assert statement.lines[1].at == datetime(2026, 11, 23, 22, tzinfo=UTC)

    def test_money_that_went_back_names_the_transaction_it_belongs_to(self) -> None:
        back = row("2", "T1115", "50.00", paypal_reference_id="1", paypal_reference_id_type="TXN")
        [line] = read(file(page(back))).lines
        assert (line.references, line.hints) == (("2",), ("linked 1",))

    def test_a_charge_belongs_to_what_it_is_for(self) -> None:
        fee = row("2", "T0104", "-0.25", paypal_reference_id="1", paypal_reference_id_type="TXN")
        [line] = read(file(page(fee))).lines
        assert line.references == ("2", "1")

    def test_an_orders_id_is_no_transaction(self) -> None:
        given = row(paypal_reference_id="1", paypal_reference_id_type="ODR")
        assert read(file(page(given))).lines[0].hints == ()

    def test_our_own_id_is_a_hint_and_other_texts_are_not(self) -> None:
        ours = row(custom_field=str(attempt_id_of(PAYMENT)))
        assert read(file(page(ours))).lines[0].hints == FORMAT.hints(PAYMENT)
        other = row(custom_field="jane@example.com")
        assert read(file(page(other))).lines[0].hints == ()

    def test_no_personal_data(self) -> None:
        text = repr(read(file(page(row(invoice_id="jane@example.com")))))
        assert "jane" not in text
        assert "Wanjiku" not in text

    def test_a_reversed_payment_keeps_its_own_time(self) -> None:
        given = row(transaction_status="V", transaction_updated_date="2026-11-25T00:00:00Z")
        assert read(file(page(given))).lines[0].at == datetime(2026, 11, 23, 14, 5, 6, tzinfo=UTC)

    def test_whole_currencies_are_in_our_minor_units(self) -> None:
        given = row(transaction_amount={"currency_code": "HUF", "value": "500"})
        assert read(file(page(given))).lines[0].gross == 500_00
        given = row(transaction_amount={"currency_code": "JPY", "value": "500"})
        assert read(file(page(given))).lines[0].gross == 500


class TestSkipped:
    @pytest.mark.parametrize(
        "more",
        [
            {"transaction_status": "P"},
            {"transaction_status": "D"},
            {"code": "T1503"},
            {"code": "T1105"},
        ],
    )
    def test_rows_that_moved_nothing(self, more: dict[str, str]) -> None:
        statement = read(file(page(row(**more))))
        assert (statement.lines, statement.skipped) == ((), 1)


class TestPages:
    def test_all_of_them_in_any_order_and_form(self) -> None:
        first, second = page(row("1"), number=1, of=2), page(row("2"), number=2, of=2)
        by_line = b"\n".join(json.dumps(one).encode() for one in (second, first))
        for content in (file(second, first), by_line):
            assert [line.external_id for line in read(content).lines] == ["1", "2"]

    def test_a_missing_page_is_an_error(self) -> None:
        with pytest.raises(StatementUnreadable, match="1 of 2 pages"):
            read(file(page(row("1"), number=1, of=2)))

    def test_a_search_without_rows_is_a_statement(self) -> None:
        assert read(file(page(of=0))).lines == ()

    def test_searches_may_overlap(self) -> None:
        other = page(row("1"), start_date="2026-11-20T00:00:00Z")
        assert len(read(file(page(row("1")), other)).lines) == 1

    def test_one_transaction_in_two_versions_is_an_error(self) -> None:
        with pytest.raises(StatementUnreadable, match="twice"):
            read(file(page(row("1"), row("1", value="99.00"))))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"<html>",
        b"[1]",
        b"{}",
        b'{"total_pages": "1"}',
        b'{"total_pages": 0, "transaction_details": {}}',
        b'{"total_pages": 0, "transaction_details": [{}]}',
        b"[" * 100_000,
        file(page(row(transaction_id=None))),
        file(page(row(transaction_id="1/2"))),
        file(page(row(code="6"))),
        file(page(row(transaction_status="X"))),
        file(page(row(transaction_status=None))),
        file(page(row(transaction_updated_date="soon"))),
        file(page(row(transaction_updated_date="2026-11-23T14:05:06"))),
        file(page(row(value="1,00"))),
        file(page(row(value="NaN"))),
        file(page(row(transaction_amount=100.0))),
        file(page(row(transaction_amount={"currency_code": "USD", "value": 100.0}))),
        file(page(row(fee_amount={"currency_code": "EUR", "value": "-1.00"}))),
        file(page(row(fee_amount={"value": "-1.00"}))),
    ],
)
def test_what_cant_be_read_is_an_error(content: bytes) -> None:
    with pytest.raises(StatementUnreadable):
        read(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(row()["transaction_info"])), _JSON)
def test_a_strange_value_is_a_line_or_an_error_that_names_its_row(name: str, value: Any) -> None:
    content, found = file(page(row(**{name: value}))), ""
    try:
        read(content)
    except StatementUnreadable as error:
        found = str(error)
    assert found == "" or found.startswith("row 1: ")
