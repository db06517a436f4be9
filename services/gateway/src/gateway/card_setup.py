"""Saving a card: stored with its command, then a moment's wait for what the provider says."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request

from gateway.auth import Caller
from gateway.card_commands import detach_message, setup_message
from gateway.context import Gateway
from gateway.idempotency import HEADER
from gateway.instruments import UNKNOWN_CARD, card_instrument
from gateway.once import known_reply, request_key
from gateway.problems import Problem, body_problem
from gateway.saved_methods import NewCard
from gateway.schemas import SavedMethodIn
from gateway.statements import Row
from gateway.store import KeyInFlight, RequestKey
from gateway.waiting import preferred_wait_s, wait_until_answered

WAIT_S = 5
"""How long to wait for the provider when the caller does not say."""
_ROUTE = "POST /payment-methods"


@dataclass(frozen=True, slots=True)
class SetUp:
    """A card that was asked for, as it is now."""

    row: Row
    replayed: bool
    waited_s: int | None
    """How long the caller wanted to wait, when it was done."""


async def set_up_card(
    wish: SavedMethodIn, request: Request, gateway: Gateway, caller: Caller
) -> SetUp:
    """Have a card saved at the provider, once for each idempotency key.

    Raises:
        Problem: a phone with a card, a bad or used key, a card that was deleted since.
    """
    if {"phone", "country"} & wish.model_fields_set:
        raise body_problem("payment_method_invalid", "A card has no phone.", "/phone")
    key = None
    if HEADER in request.headers:
        key = request_key(request, caller, gateway, route=_ROUTE)
        if known := await _known(gateway, caller, key):
            return known
    row = await _stored(wish, gateway, caller, key)
    if row is None:
        return await _taken(gateway, caller, key)
    gateway.relay.wake()
    wished_s = preferred_wait_s(request.headers.getlist("prefer"))
    wait_s = WAIT_S if wished_s is None else wished_s
    method_id: UUID = row["payment_method_id"]
    answered = await wait_until_answered(gateway, caller, method_id, wait_s) if wait_s else None
    return SetUp(answered or row, replayed=False, waited_s=wished_s if answered else None)


async def forget_card(saved: Row, gateway: Gateway, caller: Caller) -> None:
    """Make a card unusable at once, and have the provider forget it.

    One that the provider has not confirmed yet is not known there: should it still be confirmed,
    the answer that says so makes it forgotten.
    """
    row: Row | None = saved
    while row is not None:
        now = gateway.clock.now()
        message = detach_message(row, now) if row["state"] == "active" else None
        if await gateway.methods.detach_card(caller, row, message, now=now):
            gateway.relay.wake()
            return
        # the worker has answered in between: what has to be done may be another thing now
        row = await gateway.methods.one(caller, row["payment_method_id"])


async def _stored(
    wish: SavedMethodIn, gateway: Gateway, caller: Caller, key: RequestKey | None
) -> Row | None:
    method_id, now = gateway.ids.new_id(), gateway.clock.now()
    instrument = card_instrument(wish.token, gateway.vault) if wish.token else None
    card = NewCard(
        method_id=method_id,
        customer_id=wish.customer_id,
        method=wish.method,
        display=UNKNOWN_CARD,
        sealed=instrument.sealed if instrument else None,
        return_url=wish.return_url,
        location=method_path(method_id),
        message=setup_message(wish, method_id, instrument, caller, now),
    )
    try:
        return await gateway.methods.save_card(caller, card, key, now=now)
    except KeyInFlight as error:
        raise Problem("idempotency_key_in_flight") from error


async def _taken(gateway: Gateway, caller: Caller, key: RequestKey | None) -> SetUp:
    """The card of a request with the same key that was faster."""
    known = await _known(gateway, caller, key) if key else None
    if known is None:
        raise Problem("idempotency_key_in_flight")
    return known


async def _known(gateway: Gateway, caller: Caller, key: RequestKey) -> SetUp | None:
    stored = await known_reply(gateway, key)
    if stored is None:
        return None
    row = await gateway.methods.one(caller, stored.resource_id)
    if row is None:
        raise Problem("payment_method_not_found", "It was saved and deleted.")
    return SetUp(row, replayed=True, waited_s=None)


def method_path(method_id: UUID) -> str:
    """The address of a saved method."""
    return f"/api/v1/payment-methods/{method_id}"
