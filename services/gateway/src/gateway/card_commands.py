"""What the card worker is asked to do about saved cards: pure."""

from datetime import datetime
from uuid import UUID, uuid5

from cift_shared import topics
from cift_shared.envelope import OutgoingMessage, outgoing
from cift_shared.messages import Instrument, RequestDetach, RequestSetup
from gateway.accept import SOURCE
from gateway.auth import Caller
from gateway.instruments import saved_instrument
from gateway.schemas import SavedMethodIn
from gateway.statements import Row


def setup_message(
    wish: SavedMethodIn,
    method_id: UUID,
    instrument: Instrument | None,
    caller: Caller,
    at: datetime,
) -> OutgoingMessage:
    """The command to save a card; without an instrument the customer enters it afterwards."""
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
    return outgoing(topics.commands(wish.method), command, source=SOURCE, at=at)


def detach_message(saved: Row, at: datetime) -> OutgoingMessage:
    """The command to forget a saved card at the provider: the same one however often it is made."""
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
