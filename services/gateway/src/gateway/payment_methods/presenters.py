"""Convert rows of saved methods, and instruments of payments, to response bodies; pure."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from cift_shared.rails.instruments import Saving, Shown
from cift_shared.security.field_encryption import Vault
from gateway.database.queries import Row
from gateway.payment_methods.kinds import kind_of, saved_kind
from gateway.payment_methods.next_actions import (
    CLIENT_SECRET,
    PUBLISHABLE_KEY,
    opened,
)
from gateway.payment_methods.responses import SAVED_MODELS, SetupOut


def instrument_out(instrument: Row, rail: str) -> Shown | None:
    """The part of a payment's instrument that may be shown; None when no rail knows its kind."""
    kind = kind_of(rail, instrument["kind"])
    if kind is None:
        return None
    return kind.shows.model_validate({"kind": kind.kind, **kind.public_of(instrument)})


def saved_method_out(row: Row, vault: Vault, client_key: str | None) -> BaseModel:
    """A saved method.

    Args:
        row: of `gateway.payment_method`.
        vault: decrypts the client secret of an instrument that is not entered yet.
        client_key: the provider's key for clients.

    Raises:
        KeyError: its rail no longer saves instruments.
    """
    kind = saved_kind(row)
    if (saving := kind.saving) is None:
        raise KeyError(kind.kind)
    shown = {"kind": kind.kind, **kind.public_of(row), **_common(row, saving)}
    if saving.at_provider:
        shown |= _at_provider(row, vault, client_key)
    return SAVED_MODELS[kind.kind].model_validate(shown)


def _common(row: Row, saving: Saving) -> dict[str, Any]:
    verified_at: datetime | None = row["verified_at"]
    verification = (
        saving.verified.format(at=verified_at.isoformat()) if verified_at else saving.unverified
    )
    return {
        "id": row["payment_method_id"],
        "method": row["method"],
        "rail": row["rail"],
        "customer_id": row["customer_id"],
        "status": row["state"],
        "verified": verified_at is not None,
        "verification": verification,
        "livemode": row["livemode"],
        "created_at": row["created_at"],
    }


def _at_provider(row: Row, vault: Vault, client_key: str | None) -> dict[str, Any]:
    action = opened(row["next_action"], vault) or {}
    secret = action.pop(CLIENT_SECRET, None)
    worker_key = action.pop(PUBLISHABLE_KEY, None)
    return {
        "setup": SetupOut(client_secret=secret, publishable_key=worker_key or client_key)
        if secret
        else None,
        "next_action": action or None,
        "failure": row["failure"],
    }
