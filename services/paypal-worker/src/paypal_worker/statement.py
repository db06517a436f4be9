"""Read PayPal's transaction search as a statement: JSON, one page or all pages of a search.

A file is an answer of `/v1/reporting/transactions`, or a list of such answers, or one answer on
each line. Rows have amounts with a sign and the fee beside them. Names, e-mail addresses, notes and
subjects are never read. Rows that only hold or release an amount move nothing, and are skipped.

Sources: developer.paypal.com/docs/api/transaction-search/v1, its "transaction event codes", and
developer.paypal.com/payouts/use-payouts/view-transactions (the codes of payouts).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cift_shared.attempts.store import attempt_id_of
from cift_shared.rails.statements import (
    ProviderLine,
    Statement,
    StatementFormat,
    StatementUnreadable,
)
from paypal_method.currencies import from_text

_BYTES_MAX = 200_000_000
_ID = re.compile(r"[A-Za-z0-9]{1,24}")
_CODE = re.compile(r"T[0-9]{4}")
_MOVED = frozenset({"S", "V"})
"""Completed. V: completed, and reversed since; the reversal has a row of its own."""
_MOVED_NOTHING = frozenset({"P", "D"})
"""Pending and denied."""
_HOLDS = ("T15", "T1105")
"""Holds and their release: they change what is available, not what we own."""
_REVERSALS = "T11"
_FEES = "T01"
_PAYMENTS = "T00"


def read(content: bytes) -> Statement:
    """The statement's completed transactions, oldest first.

    Raises:
        StatementUnreadable: not JSON of that form, a page is missing, or a row can't be read; names
            the row, counted from 1 in the order of the file.
    """
    lines: dict[str, ProviderLine] = {}
    skipped = 0
    for number, row in enumerate(_rows(content), start=1):
        line = _line(number, row)
        if line is None:
            skipped += 1
        elif lines.setdefault(line.external_id, line) != line:
            raise StatementUnreadable(f"row {number}: {line.external_id} stands twice, not equal")
    ordered = sorted(lines.values(), key=lambda line: (line.at, line.external_id))
    return Statement(lines=tuple(ordered), skipped=skipped)


def _hints(payment_id: UUID) -> tuple[str, ...]:
    return (f"custom {attempt_id_of(payment_id)}",)


FORMAT = StatementFormat(read, UTC, _hints)
"""The entry point `cift.statements`."""


def _rows(content: bytes) -> Iterator[Mapping[str, Any]]:
    pages = _pages(content)
    _check_complete(pages)
    for page in pages:
        details = page.get("transaction_details", [])
        if not isinstance(details, list):
            raise StatementUnreadable("transaction_details is no list")
        for detail in details:
            info = detail.get("transaction_info") if isinstance(detail, Mapping) else None
            if not isinstance(info, Mapping):
                raise StatementUnreadable("a row without transaction_info")
            yield info


def _pages(content: bytes) -> Sequence[Mapping[str, Any]]:
    if len(content) > _BYTES_MAX:
        raise StatementUnreadable(f"more than {_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementUnreadable(f"not UTF-8 at byte {error.start}") from error
    pages = _documents(text)
    if not pages or not all(isinstance(page, Mapping) and "total_pages" in page for page in pages):
        raise StatementUnreadable("no answer of a transaction search")
    return pages


def _documents(text: str) -> list[Any]:
    """One JSON document, or one on each line; a list stands for its members."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise StatementUnreadable("not JSON") from error
    return found if isinstance(found, list) else [found]


def _check_complete(pages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a search of which pages are missing: their rows would look like lost money.

    Raises:
        StatementUnreadable: says how many of how many pages are there.
    """
    seen: dict[tuple[str, str], tuple[set[str], int]] = {}
    for page in pages:
        total, search = (
            page["total_pages"],
            (str(page.get("start_date")), str(page.get("end_date"))),
        )
        if type(total) is not int or total < 0:
            raise StatementUnreadable("total_pages is no number")
        numbers, most = seen.get(search, (set(), 0))
        seen[search] = (numbers | {str(page.get("page"))}, max(most, total))
    for (since, until), (numbers, total) in seen.items():
        if len(numbers) < total:
            raise StatementUnreadable(
                f"{len(numbers)} of {total} pages of the search from {since[:25]} to {until[:25]}"
            )


def _line(number: int, row: Mapping[str, Any]) -> ProviderLine | None:
    """The line of a row; None when the row moved no money."""
    code, status = _word(number, row, "transaction_event_code"), str(row.get("transaction_status"))
    if status in _MOVED_NOTHING or code.startswith(_HOLDS):
        return None
    if status not in _MOVED:
        raise StatementUnreadable(f"row {number}: transaction_status is not listed")
    own = _word(number, row, "transaction_id")
    gross, currency = _amount(number, row, "transaction_amount")
    fee, fee_currency = (
        _amount(number, row, "fee_amount") if row.get("fee_amount") else (0, currency)
    )
    if fee and fee_currency != currency:
        raise StatementUnreadable(f"row {number}: the fee has another currency")
    kind, related = _kind(code, gross), _related(row)
    return ProviderLine(
        external_id=f"{own}:{code}" if kind == "charge" else own,
        kind=kind,
        at=_time(number, row, status),
        gross=0 if kind == "charge" else gross,
        fee=-gross if kind == "charge" else -fee,
        currency=currency,
        # A charge has its own row, and belongs to the payout that it is for.
        references=(own, related) if kind == "charge" and related else (own,),
        hints=tuple(_line_hints(row, related)),
    )


def _kind(code: str, gross: int) -> str:
    if code.startswith(_FEES):
        return "charge"
    if code.startswith(_REVERSALS):
        return "reversal"
    if code.startswith(_PAYMENTS):
        return "payment" if gross > 0 else "payout"
    return "other"


def _related(row: Mapping[str, Any]) -> str | None:
    """The transaction that this one is about; None when it is about an order or agreement."""
    related = row.get("paypal_reference_id")
    is_transaction = row.get("paypal_reference_id_type", "TXN") == "TXN"
    return (
        related if is_transaction and isinstance(related, str) and _ID.fullmatch(related) else None
    )


def _line_hints(row: Mapping[str, Any], related: str | None) -> Iterator[str]:
    """The related transaction, and our own id; any other text may be personal."""
    if related is not None:
        yield f"linked {related}"
    try:
        yield f"custom {UUID(row.get('custom_field'))}"
    except (TypeError, ValueError, AttributeError):
        return


def _word(number: int, row: Mapping[str, Any], name: str) -> str:
    text, form = row.get(name), _CODE if name == "transaction_event_code" else _ID
    if not isinstance(text, str) or form.fullmatch(text) is None:
        raise StatementUnreadable(f"row {number}: no {name}")
    return text


def _amount(number: int, row: Mapping[str, Any], name: str) -> tuple[int, str]:
    """Minor units with their sign, and the currency."""
    given: Any = row.get(name)
    try:
        money = from_text(given["value"], given["currency_code"])
    except (KeyError, ValueError, TypeError) as error:
        raise StatementUnreadable(f"row {number}: {name} is no amount") from error
    return money.minor, money.currency


def _time(number: int, row: Mapping[str, Any], status: str) -> datetime:
    """When the money moved: the last change, or the beginning for what was reversed since."""
    name = "transaction_initiation_date" if status == "V" else "transaction_updated_date"
    try:
        at = datetime.fromisoformat(str(row.get(name)))
    except ValueError as error:
        raise StatementUnreadable(f"row {number}: {name} is no time") from error
    if at.tzinfo is None:
        raise StatementUnreadable(f"row {number}: {name} has no time zone")
    return at.astimezone(UTC)
