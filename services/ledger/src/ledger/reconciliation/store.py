"""Read and store reconciliations; rules: `matching.py`, postings: `functions/reconciliation`."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cift_shared.money.amount import Money
from cift_shared.rails.statements import ProviderLine, Statement, StatementFormat
from ledger.operator.store import Refused, decide
from ledger.reconciliation.matching import BookItem, Group, Verdict, Window, reconcile

AROUND = timedelta(days=1)
"""How far outside the period the counterpart of a line or item near its edge is searched."""

_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('ledger.reconciliation', 0))"
_FOLLOWS = """
select exists (
    select from ledger.recon_run
    where method = $1 and livemode = $2 and currency = $3 and since < $4 and until >= $4)
"""
_ITEMS = """
select i.item_id, i.at, coalesce(i.gross, 0) as gross, coalesce(i.fee, 0) as fee, i.is_first,
       p.payment_id, p.type, p.provider_reference, parent.provider_reference as linked
from ledger.provider_item i
left join ledger.payment p using (payment_id)
left join ledger.payment parent on parent.payment_id = p.parent_payment_id
where i.method = $1 and i.tenant = case when $2::boolean then 'house:live' else 'house:test' end
  and i.currency = $3
  and (i.at >= $4 and i.at < $5 or p.provider_reference = any ($6::text[]))
"""
_LINES = """
select external_id, kind, at, gross, fee, refers_to, hints
from ledger.provider_line
where method = $1 and livemode = $2 and currency = $3
  and (at >= $4 and at < $5 or refers_to && $6::text[])
"""
_DISCREPANCIES = """
select * from ledger.discrepancy
where ($1::text is null or method = $1 and livemode = $2 and currency = $3)
  and ($4::text[] is null or name = any ($4)) and ($5 or state <> 'closed')
order by opened_at, discrepancy_id
"""


@dataclass(frozen=True, slots=True)
class ReconciliationRequest:
    """The account and the period to reconcile, and the operator who does it."""

    method: str
    livemode: bool
    currency: str
    since: datetime
    until: datetime
    tolerance: timedelta
    operator: str
    reason: str
    at: datetime

    @property
    def scope(self) -> tuple[str, bool, str]:
        """The account at the provider: method, mode and currency."""
        return self.method, self.livemode, self.currency


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A difference, with its owner."""

    discrepancy_id: int
    method: str
    livemode: bool
    name: str
    kind: str
    difference: Money
    """The amount that the ledger lacked (positive) or had too much (negative) at the provider."""
    in_suspense: Money
    """The part of it that is in suspense, debit positive."""
    owner: str
    state: str
    note: str | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a reconciliation."""

    request: ReconciliationRequest
    groups: Sequence[Group]
    discrepancies: Mapping[str, Discrepancy]
    """The discrepancy of each name that has one, closed ones included."""
    statement: Statement
    outside: int
    """Number of lines that are outside the period, or in another currency of the statement."""

    @property
    def differing(self) -> list[Group]:
        """Groups that neither match nor are in transit."""
        fine = (Verdict.MATCHED, Verdict.IN_TRANSIT)
        return [group for group in self.groups if group.verdict not in fine]

    def discrepancy(self, group: Group) -> Discrepancy | None:
        """The discrepancy of a group, preferably one that is not closed; None without any."""
        known = [self.discrepancies[name] for name in group.names if name in self.discrepancies]
        return min(known, key=lambda found: found.state == "closed", default=None)

    @property
    def has_drift(self) -> bool:
        """True when a difference has no explanation yet, or the statement has gaps."""
        states = [
            found.state if found else "new" for found in map(self.discrepancy, self.differing)
        ]
        return bool(self.statement.gaps) or any(state in ("open", "new") for state in states)


async def reconcile_statement(
    connection: Any,
    request: ReconciliationRequest,
    content: bytes,
    form: StatementFormat,
    *,
    dry_run: bool,
) -> Report:
    """Compare a statement with the ledger; unless `dry_run`, store it and post the differences.

    Raises:
        StatementUnreadable: nothing was stored.
        Refused: a line had another amount in an earlier statement; nothing was stored.
    """
    statement = form.read(content)
    ours = [line for line in statement.lines if line.currency == request.currency]
    lines = [line for line in ours if request.since <= line.at < request.until]
    async with connection.transaction():
        await connection.execute(_ONE_AT_A_TIME)
        follows = await connection.fetchval(_FOLLOWS, *request.scope, request.since)
        window = Window(request.since, request.until, request.tolerance, follows)
        known_lines, items = await _members(connection, request, lines, form)
        groups = reconcile(known_lines, items, window)
        if not dry_run:
            # from here on rows of the ledger are locked; if the command hangs, this releases them
            await connection.execute("set local idle_in_transaction_session_timeout = '5s'")
            known = await _by_name(connection, request, groups)
            record = _record(request, statement, lines, groups, known)
            record["digest"] = hashlib.sha256(content).hexdigest()
            await decide(connection, "record_reconciliation", record)
        found = await _by_name(connection, request, groups)
    return Report(request, groups, found, statement, len(statement.lines) - len(lines))


async def compare_records(
    connection: Any, request: ReconciliationRequest, form: StatementFormat
) -> Report:
    """Compare the incoming payments that a worker has read at its provider with our deposits.

    Only reads. The worker's records contain no payouts and no charges, so they are no statement: a
    difference that they show is posted only when the provider's statement shows it, too.

    Raises:
        Refused: the method's worker reads no records.
    """
    if form.kept is None:
        raise Refused(f"the worker of {request.method} reads no records of its provider")
    since, until = request.since - AROUND, request.until + AROUND
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        lines = [one for one in await form.kept(connection, since, until)
                 if one.currency == request.currency]  # fmt: skip
        references = sorted({name for line in lines for name in line.references})
        rows = await connection.fetch(_ITEMS, *request.scope, since, until, references)
        items = [
            _item(row, request.currency, form)
            for row in rows
            if row["type"] == "deposit" and row["is_first"]
        ]
        window = Window(request.since, request.until, request.tolerance, follows=False)
        groups = reconcile(lines, items, window)
        found = await _by_name(connection, request, groups)
    inside = [line for line in lines if line in window]
    return Report(request, groups, found, Statement(lines=tuple(inside)), len(lines) - len(inside))


async def discrepancies(connection: Any, *, closed: bool) -> list[Discrepancy]:
    """Discrepancies, the oldest first; closed ones only with `closed`."""
    rows = await connection.fetch(_DISCREPANCIES, None, None, None, None, closed)
    return [_discrepancy(row) for row in rows]


async def change_discrepancy(connection: Any, change: dict[str, Any]) -> None:
    """Assign, explain or close a discrepancy.

    Raises:
        Refused: the ledger does not allow it.
    """
    await decide(connection, "change_discrepancy", change)


async def _members(
    connection: Any,
    request: ReconciliationRequest,
    given: Sequence[ProviderLine],
    form: StatementFormat,
) -> tuple[list[ProviderLine], list[BookItem]]:
    """Lines and items in and around the period, and all that they refer to."""
    since, until = request.since - AROUND, request.until + AROUND
    lines = {line.external_id: line for line in given}
    items: dict[str, BookItem] = {}
    references: set[str] = set()
    while True:
        for row in await connection.fetch(_LINES, *request.scope, since, until, sorted(references)):
            line = _line(row, request.currency)
            lines.setdefault(line.external_id, line)
        references |= {name for line in lines.values() for name in line.references}
        for row in await connection.fetch(_ITEMS, *request.scope, since, until, sorted(references)):
            items[row["item_id"]] = _item(row, request.currency, form)
        named = {name for item in items.values() for name in item.references}
        if named <= references:
            return list(lines.values()), list(items.values())
        references |= named


def _line(row: asyncpg.Record, currency: str) -> ProviderLine:
    return ProviderLine(
        external_id=row["external_id"],
        kind=row["kind"],
        at=row["at"],
        gross=int(row["gross"]),
        fee=int(row["fee"]),
        currency=currency,
        references=tuple(row["refers_to"]),
        hints=tuple(row["hints"]),
    )


def _item(row: asyncpg.Record, currency: str, form: StatementFormat) -> BookItem:
    reference = row["provider_reference"]
    if row["is_first"]:
        references = (reference,) if reference else ()
        hints = [*form.hints(row["payment_id"])] if row["type"] == "deposit" else []
        hints += [f"linked {row['linked']}"] if row["linked"] else []
    else:  # money that went back later; at the provider it has its own reference
        references, hints = (), [f"linked {reference}"] if reference else []
    return BookItem(
        item_id=row["item_id"],
        at=row["at"],
        gross=int(row["gross"]),
        fee=int(row["fee"]),
        currency=currency,
        references=references,
        hints=tuple(hints),
    )


async def _by_name(
    connection: Any, request: ReconciliationRequest, groups: Iterable[Group]
) -> dict[str, Discrepancy]:
    names = sorted({name for group in groups for name in group.names})
    rows = await connection.fetch(_DISCREPANCIES, *request.scope, names, True)
    ordered = sorted(rows, key=lambda row: (row["state"] != "closed", row["discrepancy_id"]))
    return {row["name"]: _discrepancy(row) for row in ordered if row["kind"] != "unclaimed"}


def _discrepancy(row: asyncpg.Record) -> Discrepancy:
    currency = row["currency"]
    return Discrepancy(
        row["discrepancy_id"], row["method"], row["livemode"], row["name"], row["kind"],
        Money(int(row["difference"]), currency), Money(int(row["in_suspense"]), currency),
        row["owner"], row["state"], row["note"], row["opened_at"],
    )  # fmt: skip


def _record(
    request: ReconciliationRequest,
    statement: Statement,
    lines: Sequence[ProviderLine],
    groups: Sequence[Group],
    known: Collection[str],
) -> dict[str, Any]:
    """A run as the argument of `ledger.record_reconciliation`."""
    judged = [group for group in groups if group.verdict is not Verdict.IN_TRANSIT]
    return {
        "method": request.method,
        "livemode": request.livemode,
        "currency": request.currency,
        "since": request.since.isoformat(),
        "until": request.until.isoformat(),
        "tolerance": int(request.tolerance.total_seconds()),
        "opening": _text(statement.opening),
        "closing": _text(statement.closing),
        "counts": Counter(group.verdict for group in groups),
        "operator": request.operator,
        "reason": request.reason,
        "at": request.at.isoformat(),
        "lines": [_line_record(line) for line in lines],
        "members": [member for group in judged for member in _member_records(group)],
        "groups": [
            _group_record(group)
            for group in judged
            if group.verdict is not Verdict.MATCHED or any(name in known for name in group.names)
        ],
    }


def _line_record(line: ProviderLine) -> dict[str, Any]:
    return {
        "external_id": line.external_id,
        "kind": line.kind,
        "at": line.at.isoformat(),
        "gross": str(line.gross),
        "fee": str(line.fee),
        "refers_to": line.references,
        "hints": line.hints,
    }


def _member_records(group: Group) -> list[dict[str, str]]:
    name = group.names[0]
    theirs = [line.external_id for line in group.lines]
    ours = [item.item_id for item in group.items]
    return [
        *({"side": "theirs", "member": member, "name": name} for member in theirs),
        *({"side": "ours", "member": member, "name": name} for member in ours),
    ]


def _group_record(group: Group) -> dict[str, Any]:
    return {
        "names": group.names,
        "kind": None if group.verdict is Verdict.MATCHED else str(group.verdict),
        "difference": str(group.difference),
    }


def _text(minor: int | None) -> str | None:
    return None if minor is None else str(minor)
