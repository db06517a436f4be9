"""PayPal's objects: the body as PayPal shows it, and hidden data that only the twin uses."""

import json
from dataclasses import dataclass, field
from typing import Any

from provider_sandbox.paypal import transitions
from provider_sandbox.store import Store


@dataclass(slots=True)
class Record:
    """One object."""

    id: str
    kind: str
    """Such as ``order``, ``capture``, ``batch``, ``item``, ``event``."""
    body: dict[str, Any]
    """The object as PayPal shows it."""
    hidden: dict[str, Any] = field(default_factory=dict)
    """Data that only the twin needs, such as the payer's behaviour."""
    parent: str | None = None
    """The object that it belongs to: the order of a capture, the batch of an item."""
    status: str = ""
    """Its status; empty for an object without one."""


class Objects:
    """Reads and writes records, inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.violations: list[str] = []
        """Status changes that the transition table forbids; always empty in a correct twin."""

    def add(self, record: Record) -> Record:
        """Store a new object.

        Raises:
            IllegalTransition: an object of this kind may not begin in this status.
        """
        self._check(record, None)
        self._store.insert(
            "paypal_objects",
            id=record.id,
            kind=record.kind,
            parent=record.parent,
            status=record.status,
            body=json.dumps(record.body),
            hidden=json.dumps(record.hidden),
        )
        return record

    def save(self, record: Record) -> Record:
        """Store a changed object.

        Raises:
            IllegalTransition: its new status may not follow the stored one.
        """
        before = self.get(record.kind, record.id)
        self._check(record, None if before is None else before.status)
        self._store.execute(
            "UPDATE paypal_objects SET status = ?, body = ?, hidden = ? WHERE id = ?",
            (record.status, json.dumps(record.body), json.dumps(record.hidden), record.id),
        )
        return record

    def get(self, kind: str, name: str) -> Record | None:
        """The object of this kind with this id; None when there is none."""
        row = self._store.one(
            "SELECT * FROM paypal_objects WHERE id = ? AND kind = ?", (name, kind)
        )
        return None if row is None else _record(row)

    def all(
        self, kind: str, *, parent: str | None = None, status: str | None = None
    ) -> list[Record]:
        """Objects of a kind, oldest first; of one parent, or in one status, if these are given."""
        wanted = {"kind": kind, "parent": parent, "status": status}
        given = {name: value for name, value in wanted.items() if value is not None}
        clauses = " AND ".join(f"{name} = ?" for name in given)
        rows = self._store.all(
            f"SELECT * FROM paypal_objects WHERE {clauses} ORDER BY seq",  # noqa: S608 - own names
            tuple(given.values()),
        )
        return [_record(row) for row in rows]

    def is_paid(self, invoice_id: str) -> bool:
        """True when there is a capture with this invoice id that was not declined."""
        row = self._store.one(
            "SELECT 1 FROM paypal_objects WHERE kind = 'capture' AND status != 'DECLINED'"
            " AND json_extract(body, '$.invoice_id') = ?",
            (invoice_id,),
        )
        return row is not None

    def delete(self, record: Record) -> None:
        """Remove an object, such as a payment token."""
        self._store.execute("DELETE FROM paypal_objects WHERE id = ?", (record.id,))

    def _check(self, record: Record, before: str | None) -> None:
        try:
            transitions.check(record.kind, before, record.status)
        except transitions.IllegalTransition as step:
            self.violations.append(str(step))
            raise


def _record(row: Any) -> Record:
    return Record(
        id=row["id"],
        kind=row["kind"],
        body=json.loads(row["body"]),
        hidden=json.loads(row["hidden"]),
        parent=row["parent"],
        status=row["status"],
    )
