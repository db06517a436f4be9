"""Stripe's objects: the body as Stripe shows it, and hidden data that only the twin uses."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider_sandbox.store import Store
from provider_sandbox.stripe import transitions

_POINTERS = ("customer", "payment_intent", "charge")
"""Fields by which lists filter; each one has a column."""


@dataclass(slots=True)
class Record:
    """One object."""

    body: dict[str, Any]
    """The object as Stripe shows it, without expanded fields."""
    hidden: dict[str, Any] = field(default_factory=dict)
    """Data that only the twin needs: behaviour of a card, state of a challenge, delivery."""

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.body["id"])

    @property
    def status(self) -> str:
        """Its status."""
        return str(self.body["status"])


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
        body = record.body
        self._check(body["object"], None, body.get("status"))
        self._store.insert(
            "stripe_objects",
            id=body["id"],
            kind=body["object"],
            body=json.dumps(body),
            hidden=json.dumps(record.hidden),
            **{name: _pointer(body, name) for name in _POINTERS},
        )
        return record

    def save(self, record: Record) -> Record:
        """Store a changed object.

        Raises:
            IllegalTransition: its new status may not follow the stored one.
        """
        body = record.body
        before = self.get(record.id)
        self._check(
            body["object"],
            None if before is None else before.body.get("status"),
            body.get("status"),
        )
        self._store.execute(
            "UPDATE stripe_objects SET body = ?, hidden = ?, customer = ?, payment_intent = ?,"
            " charge = ? WHERE id = ?",
            (
                json.dumps(body),
                json.dumps(record.hidden),
                *(_pointer(body, name) for name in _POINTERS),
                record.id,
            ),
        )
        return record

    def get(self, name: str) -> Record | None:
        """The object with this id, of any kind; None when there is none."""
        row = self._store.one("SELECT body, hidden FROM stripe_objects WHERE id = ?", (name,))
        return None if row is None else _record(row)

    def all(self, kind: str, filters: Mapping[str, str | None] | None = None) -> Iterator[Record]:
        """Objects of a kind, newest first; filters: ``customer``, ``payment_intent``, ``charge``.

        They are read from the database while the caller iterates: nothing may be written meanwhile.
        """
        wanted = {name: value for name, value in (filters or {}).items() if value is not None}
        clauses = "".join(f" AND {name} = ?" for name in wanted)
        rows = self._store.execute(
            f"SELECT body, hidden FROM stripe_objects WHERE kind = ?{clauses}"  # noqa: S608
            " ORDER BY seq DESC",  # the names are constants of this package
            (kind, *wanted.values()),
        )
        return (_record(row) for row in rows)

    def _check(self, kind: str, before: str | None, after: str | None) -> None:
        if after is None:
            return
        try:
            transitions.check(kind, before, after)
        except transitions.IllegalTransition as step:
            self.violations.append(str(step))
            raise


def _pointer(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _record(row: Any) -> Record:
    return Record(json.loads(row["body"]), json.loads(row["hidden"]))
