"""Convert rows of saved methods, and instruments of payments, to response bodies; pure."""

from datetime import datetime
from typing import Any

from cift_shared.security.field_encryption import Vault
from gateway.database.queries import Row
from gateway.payment_methods.next_actions import (
    CLIENT_SECRET,
    PUBLISHABLE_KEY,
    opened,
)
from gateway.payment_methods.responses import (
    CardOut,
    PhoneOut,
    SavedCardOut,
    SavedPhoneOut,
    SetupOut,
)


def instrument_out(instrument: Row) -> PhoneOut | CardOut:
    """The part of a payment's instrument that may be shown."""
    if instrument["kind"] == "card":
        return CardOut(kind="card", **card_fields(instrument.get("card")))
    return PhoneOut(kind="phone", phone=instrument["display"], country=instrument["country"])


def card_fields(card: Row | None) -> dict[str, Any]:
    """The details of a card that may be shown; None for each one that is not known."""
    return {name: (card or {}).get(name) for name in ("brand", "last4", "exp_month", "exp_year")}


def saved_method_out(
    row: Row, vault: Vault, publishable_key: str | None
) -> SavedPhoneOut | SavedCardOut:
    """A saved method.

    Args:
        row: of `gateway.payment_method`.
        vault: decrypts the client secret of a card that is not entered yet.
        publishable_key: the provider's key for clients.
    """
    return _phone_out(row) if row["kind"] == "phone" else _card_out(row, vault, publishable_key)


def _phone_out(row: Row) -> SavedPhoneOut:
    verified_at: datetime | None = row["verified_at"]
    told = (
        f"Confirmed by a completed deposit, seen on {verified_at.isoformat()}."
        if verified_at
        else "Verified by the first deposit from it that completes: its owner enters the PIN."
    )
    return SavedPhoneOut(
        kind="phone",
        phone=row["display"],
        country=row["country"],
        status=row["state"],
        **_common(row, told),
    )


def _card_out(row: Row, vault: Vault, publishable_key: str | None) -> SavedCardOut:
    verified_at: datetime | None = row["verified_at"]
    told = (
        f"Confirmed by the provider on {verified_at.isoformat()}."
        if verified_at
        else "Verified once the provider has confirmed the card."
    )
    action = opened(row["next_action"], vault) or {}
    secret = action.pop(CLIENT_SECRET, None)
    told_key = action.pop(PUBLISHABLE_KEY, None)
    return SavedCardOut(
        kind="card",
        **card_fields(row["card"]),
        status=row["state"],
        setup=SetupOut(client_secret=secret, publishable_key=told_key or publishable_key)
        if secret
        else None,
        next_action=action or None,
        failure=row["failure"],
        **_common(row, told),
    )


def _common(row: Row, verification: str) -> dict[str, Any]:
    return {
        "id": row["payment_method_id"],
        "method": row["method"],
        "customer_id": row["customer_id"],
        "verified": row["verified_at"] is not None,
        "verification": verification,
        "livemode": row["livemode"],
        "created_at": row["created_at"],
    }
