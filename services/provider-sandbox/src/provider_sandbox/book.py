"""The book: an append-only list of money movements, written in the transaction that moves money."""

import json
from dataclasses import dataclass
from typing import Any

from provider_sandbox.clock import Clock, utc_text
from provider_sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A movement of money at a provider."""

    provider: str
    """``daraja``, ``vodacom``, ``stripe``, ``paypal``, ``momo_ug``, ``momo_rw`` or
    ``momo_sandbox``."""
    kind: str
    """For Daraja ``stk`` (in), ``b2c`` (out) or ``reversal`` (out); for Vodacom ``c2b`` is in; for
    MTN MoMo ``collection`` (in), ``transfer`` (out) or ``refund`` (out)."""
    msisdn: str
    """The other party: the phone for Daraja and Vodacom, brand and last four digits of the card for
    Stripe, the e-mail address for PayPal."""
    amount: str
    """Decimal text in the provider's unit: whole shillings for Daraja and Vodacom, minor units for
    Stripe, the currency's unit with its decimals for PayPal."""
    currency: str
    """ISO 4217."""
    receipt: str
    """The provider's receipt, unique."""
    provider_ids: dict[str, str]
    """Ids that the provider created."""
    caller_refs: dict[str, str]
    """Ids that the caller chose."""
    callback_url: str
    """The address that receives the callback."""
    fee: str = "0.00"
    """What the provider charged its client, in the same currency."""


class Book:
    """Writes and reads movements."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def append(self, moved: Movement) -> None:
        """Write one movement, inside the caller's transaction.

        Raises:
            sqlite3.IntegrityError: the receipt is already in the book.
        """
        self._store.insert(
            "book",
            at=utc_text(self._clock.now()),
            provider=moved.provider,
            kind=moved.kind,
            msisdn=moved.msisdn,
            amount=moved.amount,
            currency=moved.currency,
            fee=moved.fee,
            receipt=moved.receipt,
            provider_ids=json.dumps(moved.provider_ids),
            caller_refs=json.dumps(moved.caller_refs),
            callback_url=moved.callback_url,
        )

    def entries(self, *, since: int, limit: int) -> list[dict[str, Any]]:
        """Entries after sequence number ``since``, oldest first."""
        rows = self._store.all(
            "SELECT * FROM book WHERE seq > ? ORDER BY seq LIMIT ?", (since, limit)
        )
        return [
            {
                **dict(row),
                "provider_ids": json.loads(row["provider_ids"]),
                "caller_refs": json.loads(row["caller_refs"]),
            }
            for row in rows
        ]
