"""What the twin saw, from its own file."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from mpesa_worker.domain import account_reference

_PUSHES = "select reference, min(at) from arrivals where operation = 'daraja.stk' group by 1"


def pushed_at(folder: Path, payment_ids: Iterable[str]) -> dict[str, float]:
    """When the twin was first asked to push for these payments, wall clock; no entry: never.

    Args:
        folder: the stack's.
        payment_ids: payments to look for.
    """
    file = folder / "sandbox" / "twin.sqlite3"
    book = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        seen: dict[str, float] = dict(book.execute(_PUSHES).fetchall())
    finally:
        book.close()
    references = {id_: account_reference(UUID(id_)) for id_ in payment_ids}
    return {id_: seen[ref] for id_, ref in references.items() if ref in seen}
