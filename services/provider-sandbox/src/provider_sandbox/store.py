"""The twin's state: one SQLite file, one connection, used from the event loop only.

The journal is in WAL mode with ``synchronous=NORMAL``: a committed transaction survives the death
of the process (``kill -9``), because it is in the operating system's cache. Only a power failure
may lose the last ones. Source: SQLite documentation, "Write-Ahead Logging".
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

TABLES = (
    "meta",
    "agenda",
    "callbacks",
    "book",
    "arrivals",
    "faults",
    "daraja_tokens",
    "daraja_phones",
    "daraja_accounts",
    "daraja_stk",
    "daraja_b2c",
    "stripe_counters",
    "stripe_objects",
    "stripe_keys",
    "paypal_counters",
    "paypal_tokens",
    "paypal_objects",
    "paypal_request_ids",
    "paypal_balances",
    "paypal_payers",
    "vodacom_sessions",
    "vodacom_phones",
    "vodacom_accounts",
    "vodacom_keys",
    "vodacom_payments",
    "momo_users",
    "momo_tokens",
    "momo_phones",
    "momo_accounts",
    "momo_transactions",
)

_SCHEMA_VERSION = 2
"""Version of the table definitions, stored in the file (``user_version``)."""


class Store:
    """One open SQLite file. No method awaits, so transactions never interleave."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._upgrade_schema()
        self._db.executescript(files("provider_sandbox").joinpath("schema.sql").read_text())

    def _upgrade_schema(self) -> None:
        """Drop the tables of an older file whose definition changed: only ``faults``."""
        if self._db.execute("PRAGMA user_version").fetchone()[0] < _SCHEMA_VERSION:
            self._db.execute("DROP TABLE IF EXISTS faults")
            self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all or nothing; inside another transaction it joins that one."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement, on its own or in the open transaction."""
        return self._db.execute(sql, values)

    def one(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row, if there is one."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Every row."""
        return self._db.execute(sql, values).fetchall()

    def insert(self, table: str, **values: Any) -> int:
        """Add one row to a table of this package and return its rowid."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - own names only
        return self._db.execute(sql, tuple(values.values())).lastrowid or 0

    def meta(self, key: str) -> str | None:
        """The value stored under a key; None when there is none."""
        row = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Store a value under a key."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def clear(self) -> None:
        """Empty every table, also the book."""
        with self.transaction():
            for table in TABLES:
                self.execute(f"DELETE FROM {table}")  # noqa: S608 - own names only

    def close(self) -> None:
        """Close the file."""
        self._db.close()
