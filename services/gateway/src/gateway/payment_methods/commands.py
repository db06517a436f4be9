"""Build what is stored for a card to be saved, and the commands for its worker; pure."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.messages import RequestDetach, RequestSetup
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.database.outbox import SOURCE
from gateway.database.queries import Row
from gateway.idempotency.acceptance import Acceptance
from gateway.payment_methods.instruments import (
    CARD,
    UNKNOWN_CARD,
    card_instrument,
    saved_instrument,
)
from gateway.payment_methods.repository import SQL
from gateway.payment_methods.requests import SavedMethodIn
from gateway.problems.problem import body_problem

CREATED = 201


def method_path(method_id: UUID) -> str:
    """The URL path of a saved method."""
    return f"/api/v1/payment-methods/{method_id}"


def check_card(wish: SavedMethodIn) -> None:
    """Refuse a card with the fields of a phone.

    Raises:
        Problem: payment_method_invalid.
    """
    if {"phone", "country"} & wish.model_fields_set:
        raise body_problem("payment_method_invalid", "A card has no phone.", "/phone")


def card_acceptance(
    wish: SavedMethodIn, method_id: UUID, caller: Caller, vault: Vault, at: datetime
) -> Acceptance:
    """Everything that is stored to have a card saved.

    Without a token, the customer enters the card afterwards, with data from the provider's
    response.
    """
    instrument = card_instrument(wish.token, vault) if wish.token else None
    command = RequestSetup(
        payment_method_id=method_id,
        merchant_id=caller.merchant_id,
        livemode=caller.livemode,
        customer_id=wish.customer_id,
        method=wish.method,
        accepted_at=at,
        instrument=instrument,
        return_url=wish.return_url,
    )
    row: dict[str, Any] = {
        "payment_method_id": str(method_id),
        "merchant_id": caller.merchant_id,
        "livemode": caller.livemode,
        "customer_id": wish.customer_id,
        "method": wish.method,
        "kind": CARD,
        "display": UNKNOWN_CARD,
        "sealed": instrument.sealed if instrument else None,
        "return_url": wish.return_url,
        "state": "pending",
        "created_at": at.isoformat(),
        "card": None,
        "next_action": None,
        "failure": None,
        "verified_at": None,
    }
    return Acceptance(
        resource_id=method_id,
        write=SQL["save_card"],
        row=row,
        message=outgoing(topics.commands(wish.method), command, source=SOURCE, at=at),
        reply={},  # the response to a repeat shows the card as it is at that time
        location=method_path(method_id),
        status=CREATED,
    )


def detach_message(saved: Row, at: datetime) -> OutgoingMessage:
    """The command to detach a saved card at the provider; its id is the same at every call."""
    command = RequestDetach(
        detach_id=uuid5(saved["payment_method_id"], "detach"),
        payment_method_id=saved["payment_method_id"],
        merchant_id=saved["merchant_id"],
        livemode=saved["livemode"],
        customer_id=saved["customer_id"],
        method=saved["method"],
        accepted_at=at,
        instrument=saved_instrument(saved),
    )
    return outgoing(topics.commands(saved["method"]), command, source=SOURCE, at=at)
