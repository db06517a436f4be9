"""Has the ledger set the customer's money aside for a withdrawal? Asked by signers.

The watcher can't write what the ledger has: a command that somebody has put into the watcher's
tables, or changed there, is paid by no signer.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cift_shared.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Held:
    """A withdrawal as the ledger has accepted it."""

    minor: int
    currency: str
    sealed: str
    """The recipient's address, encrypted."""
    is_held: bool
    """True while the customer's money is set aside for it."""


class Funds(Protocol):
    """Where a signer asks."""

    async def held(self, connection: Connection, payment_id: UUID) -> Held | None:
        """What was accepted; None: no such withdrawal."""
        ...


def unfunded(held: Held | None, accepted: object, asked: object) -> str | None:
    """Why nothing may be paid; None: the money is there.

    Args:
        held: None if the ledger has no such withdrawal.
        accepted: recipient and amount as the ledger has them.
        asked: the same as the watcher's command has them.
    """
    if held is None:
        return "not_accepted"
    if accepted != asked:
        return "accepted_otherwise"
    return None if held.is_held else "not_held"
