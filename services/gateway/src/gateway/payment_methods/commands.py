"""Build what is stored for an instrument to be saved, and the commands for its worker; pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from cift_shared.messaging import topics
from cift_shared.messaging.envelope import OutgoingMessage, outgoing
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import RequestDetach, RequestSetup
from cift_shared.rails.gateway import payer_country
from cift_shared.rails.instruments import InstrumentKind, Named, Saving
from cift_shared.rails.rail import Rail
from cift_shared.rails.registry import in_country, rails_of
from gateway.auth.authenticator import Caller
from gateway.database.outbox import SOURCE
from gateway.database.queries import Row
from gateway.idempotency.acceptance import Acceptance
from gateway.payment_methods.instruments import saved_instrument
from gateway.payment_methods.kinds import saved_kind, saving_of
from gateway.payment_methods.repository import SQL
from gateway.payment_methods.requests import SavedMethodIn
from gateway.problems.problem import body_problem

CREATED = 201


def method_path(method_id: UUID) -> str:
    """The URL path of a saved method."""
    return f"/api/v1/payment-methods/{method_id}"


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """A request to save an instrument: its body, its rail, and how that saves the instrument."""

    body: SavedMethodIn
    rail: Rail
    kind: InstrumentKind
    saving: Saving

    def named(self) -> Named:
        """The instrument.

        Raises:
            InvalidCommand: the rail can't read it.
        """
        return self.kind.read(self.saving.accepts.model_validate(self.body.fields()), "")


def rail_for_saving(body: SavedMethodIn) -> Rail:
    """The rail of the method that saves the instrument.

    Raises:
        InvalidCommand: the method has several rails, and none is in the instrument's country. If
            the request tells no country, the rail with the method's own name is meant.
    """
    found = rails_of(body.method)
    if len(found) == 1:
        return found[0]
    country = payer_country(body.method, body.fields())
    first = [rail for rail in found if country is None and rail.name == body.method]
    return first[0] if first else in_country(found, country)


def save_request_of(body: SavedMethodIn, rail: Rail) -> SaveRequest:
    """The request, checked for the fields that its rail needs.

    Raises:
        Problem: payment_method_invalid: fields of another kind, or a required field is missing.
    """
    kind, saving = saving_of(rail)
    fields = body.fields()
    wrong = sorted(fields.keys() - saving.accepts.model_fields)
    if saving.required and fields.get(saving.required) is None:
        wrong.append(saving.required)
    if wrong:
        raise body_problem("payment_method_invalid", saving.refused, f"/{wrong[0]}")
    return SaveRequest(body, rail, kind, saving)


def setup_acceptance(
    request: SaveRequest, instrument: Instrument, method_id: UUID, caller: Caller, at: datetime
) -> Acceptance:
    """Everything that is stored to have the provider save an instrument.

    Without a sealed instrument, the customer enters the instrument afterwards, with data from the
    provider's response.
    """
    body, rail = request.body, request.rail
    return_url = body.fields().get("return_url")
    command = RequestSetup(
        payment_method_id=method_id,
        merchant_id=caller.merchant_id,
        livemode=caller.livemode,
        customer_id=body.customer_id,
        method=body.method,
        rail=rail.name,
        accepted_at=at,
        instrument=instrument if instrument.sealed else None,
        return_url=return_url,
    )
    row: dict[str, Any] = {
        "payment_method_id": str(method_id),
        "merchant_id": caller.merchant_id,
        "livemode": caller.livemode,
        "customer_id": body.customer_id,
        "method": body.method,
        "rail": rail.name,
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
        message=outgoing(topics.commands(rail.name), command, source=SOURCE, at=at),
        reply={},  # the response to a repeat shows the method as it is at that time
        location=method_path(method_id),
        status=CREATED,
    )


def detach_message(saved: Row, at: datetime) -> OutgoingMessage:
    """The command to remove a saved instrument at the provider; every call returns the same id."""
    command = RequestDetach(
        detach_id=uuid5(saved["payment_method_id"], "detach"),
        payment_method_id=saved["payment_method_id"],
        merchant_id=saved["merchant_id"],
        livemode=saved["livemode"],
        customer_id=saved["customer_id"],
        method=saved["method"],
        rail=saved["rail"],
        accepted_at=at,
        instrument=saved_instrument(saved, saved_kind(saved)),
    )
    return outgoing(topics.commands(saved["rail"]), command, source=SOURCE, at=at)
