"""What the twin saw, from its own file."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from cift_shared.attempts.store import attempt_id_of

_PUSHES = "select callback_url, min(at) from arrivals where operation = 'daraja.stk' group by 1"
_ID_DIGITS = 32
"""A callback path ends in a token, which begins with the attempt's id in hexadecimal."""


def pushed_at(folder: Path, payment_ids: Iterable[str]) -> dict[str, float]:
    """When the twin was first asked to push for these payments, wall clock; no entry: never.

    Args:
        folder: the stack's.
        payment_ids: payments to look for.
    """
    file = folder / "sandbox" / "twin.sqlite3"
    book = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        rows = book.execute(_PUSHES).fetchall()
    finally:
        book.close()
    seen = {str(url).rpartition("/")[2][:_ID_DIGITS]: float(at) for url, at in rows}
    attempts = {id_: attempt_id_of(UUID(id_)).hex for id_ in payment_ids}
    return {id_: seen[name] for id_, name in attempts.items() if name in seen}
