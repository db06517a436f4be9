"""Build what is stored for an instrument to be saved, and the commands for its worker; pure."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestDetach, RequestSetup
from cift_shared.rails.instruments import InstrumentKind, Named, Saving
from gateway.auth.authenticator import Caller
from gateway.database.outbox import SOURCE
from gateway.database.queries import Row
from gateway.idempotency.acceptance import Acceptance
from gateway.payment_methods.instruments import saved_instrument
from gateway.payment_methods.kinds import kind_of
from gateway.payment_methods.repository import SQL
from gateway.payment_methods.requests import SavedMethodIn
from gateway.problems.problem import body_problem

CREATED = 201


def method_path(method_id: UUID) -> str:
    """The URL path of a saved method."""
    return f"/api/v1/payment-methods/{method_id}"


def check_saving(wish: SavedMethodIn, saving: Saving) -> None:
    """Refuse an instrument with fields of another kind, or without the one that it needs.

    Raises:
        Problem: payment_method_invalid.
    """
    fields = wish.fields()
    wrong = sorted(fields.keys() - saving.accepts.model_fields)
    if saving.required and fields.get(saving.required) is None:
        wrong.append(saving.required)
    if wrong:
        raise body_problem("payment_method_invalid", saving.refused, f"/{wrong[0]}")


def named_by(wish: SavedMethodIn, kind: InstrumentKind, saving: Saving) -> Named:
    """The instrument of a checked request (`check_saving`).

    Raises:
        InvalidCommand: the rail can't read it.
    """
    return kind.read(saving.accepts.model_validate(wish.fields()), "")


def setup_acceptance(
    wish: SavedMethodIn, instrument: Instrument, method_id: UUID, caller: Caller, at: datetime
) -> Acceptance:
    """Everything that is stored to have the provider save an instrument.

    An instrument that is not sealed is not known yet: the customer enters it afterwards, with data
    from the provider's response.
    """
    return_url = wish.fields().get("return_url")
    command = RequestSetup(
        payment_method_id=method_id,
        merchant_id=caller.merchant_id,
        livemode=caller.livemode,
        customer_id=wish.customer_id,
        method=wish.method,
        accepted_at=at,
        instrument=instrument if instrument.sealed else None,
        return_url=return_url,
    )
    row: dict[str, Any] = {
        "payment_method_id": str(method_id),
        "merchant_id": caller.merchant_id,
        "livemode": caller.livemode,
        "customer_id": wish.customer_id,
        "method": wish.method,
        "kind": instrument.kind,
        "display": instrument.display,
        "sealed": instrument.sealed or None,
        "return_url": return_url,
        "state": "pending",
        "created_at": at.isoformat(),
        "public": None,
        "next_action": None,
        "failure": None,
        "verified_at": None,
    }
    return Acceptance(
        resource_id=method_id,
        write=SQL["save_at_provider"],
        row=row,
        message=outgoing(topics.commands(wish.method), command, source=SOURCE, at=at),
        reply={},  # the response to a repeat shows the method as it is at that time
        location=method_path(method_id),
        status=CREATED,
    )


def detach_message(saved: Row, at: datetime) -> OutgoingMessage:
    """The command to remove a saved instrument at the provider; every call gives the same id."""
    command = RequestDetach(
        detach_id=uuid5(saved["payment_method_id"], "detach"),
        payment_method_id=saved["payment_method_id"],
        merchant_id=saved["merchant_id"],
        livemode=saved["livemode"],
        customer_id=saved["customer_id"],
        method=saved["method"],
        accepted_at=at,
        instrument=saved_instrument(saved, kind_of(saved["method"], saved["kind"])),
    )
    return outgoing(topics.commands(saved["method"]), command, source=SOURCE, at=at)
