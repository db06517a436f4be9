"""Carrying an acceptance through: once for each idempotency key, whatever the client repeats."""

from collections.abc import Callable
from typing import Any

import asyncpg
from fastapi import Request
from fastapi.responses import JSONResponse
from prometheus_client import Counter

from cift_shared import metrics
from cift_shared.errors import InvalidCommand, InvariantViolated
from gateway import idempotency
from gateway.accept import Acceptance, refund_exceeds_captured
from gateway.auth import Caller
from gateway.context import Gateway
from gateway.conversions import conversion_reply
from gateway.problems import Problem
from gateway.store import KeyInFlight, RequestKey, StoredReply
from gateway.views import payment_out, with_terms
from gateway.waiting import preferred_wait_s, wait_until_final

PAYMENTS_ACCEPTED = Counter(
    "cift_payments_accepted_total", "Payments accepted.", ["method", "type"]
)

ACCEPTED = 202
REPLAYED = {"Idempotency-Replayed": "true"}

Shape = Callable[[dict[str, Any]], dict[str, Any]]

_LEDGER_REFUSALS: dict[str, Callable[[], Problem | InvalidCommand]] = {
    "CF001": lambda: InvalidCommand(
        "insufficient_funds", "amount and fee exceed what is available", pointer="/amount"
    ),
    "CF002": lambda: Problem("not_refundable", "Only completed deposits can be refunded."),
    "CF003": refund_exceeds_captured,
    "CF004": lambda: Problem("not_cancelable", "It was sent to the provider, or it is over."),
    "CF005": lambda: Problem("payment_not_found"),
}
"""The ledger's own SQLSTATEs, as the API tells them."""


def request_key(request: Request, caller: Caller, gateway: Gateway, *, route: str) -> RequestKey:
    """The idempotency key of a request, in the scope of merchant, mode and route.

    Raises:
        Problem: the header is missing or malformed.
    """
    key = idempotency.read_key(request.headers.getlist(idempotency.HEADER))
    digest = gateway.vault.fingerprint(key.encode(), context="idempotency-key")
    document = getattr(request.state, "document", None)
    return RequestKey(caller, route, digest, idempotency.request_digest(request.url.path, document))


async def replay(
    gateway: Gateway, key: RequestKey, *, shape: Shape = with_terms
) -> JSONResponse | None:
    """The stored answer when the key was used before, None when it is new.

    Args:
        gateway: the running gateway.
        key: the key of this request.
        shape: brings a stored reply into the order of its fields.

    Raises:
        Problem: it was used for another request.
    """
    stored = await known_reply(gateway, key)
    return None if stored is None else _replayed(stored, shape)


async def known_reply(gateway: Gateway, key: RequestKey) -> StoredReply | None:
    """What the key's first request was answered with, None when the key is new.

    Raises:
        Problem: it was used for another request.
    """
    stored = await gateway.store.stored_reply(key)
    if stored is None:
        return None
    if stored.request_digest != key.request_digest:
        raise Problem("idempotency_key_reused", "Use a new key for a new request.")
    metrics.DUPLICATES.labels("gateway").inc()
    return stored


async def accept(
    gateway: Gateway, key: RequestKey, acceptance: Acceptance, request: Request
) -> JSONResponse:
    """Accept a payment and answer, or answer what the key was answered before.

    Raises:
        Problem: the key is in use, or the ledger refuses.
        InvalidCommand: the ledger refuses the amount.
    """
    reply = await _stored_once(gateway, key, acceptance)
    if reply is None:
        return await _answered_before(gateway, key, with_terms)
    gateway.relay.wake()
    PAYMENTS_ACCEPTED.labels(acceptance.row["method"], acceptance.row["type"]).inc()
    headers = {"Location": acceptance.location}
    wait_s = preferred_wait_s(request.headers.getlist("prefer"))
    if wait_s:
        row = await wait_until_final(gateway, key.caller, acceptance.resource_id, wait_s)
        if row is not None:
            headers["Preference-Applied"] = f"wait={wait_s}"
            return _answer(payment_out(row, gateway.vault).model_dump(mode="json"), headers)
    return _answer(with_terms(reply), headers)


async def convert(gateway: Gateway, key: RequestKey, acceptance: Acceptance) -> JSONResponse:
    """Carry out a conversion and answer, or answer what the key was answered before.

    Raises:
        Problem: the key is in use.
        InvalidCommand: more than the customer has available.
    """
    try:
        reply = await _stored_once(gateway, key, acceptance)
    except InvalidCommand as error:
        told = "it is more than what is available"
        raise InvalidCommand(error.code, told, pointer="/from/amount") from error
    if reply is None:
        return await _answered_before(gateway, key, conversion_reply)
    return JSONResponse(
        conversion_reply(reply),
        status_code=acceptance.status,
        headers={"Location": acceptance.location},
    )


async def _answered_before(gateway: Gateway, key: RequestKey, shape: Shape) -> JSONResponse:
    answer = await replay(gateway, key, shape=shape)
    if answer is None:
        raise InvariantViolated("an idempotency key is taken and not there")
    return answer


def _answer(document: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(document, status_code=ACCEPTED, headers=headers)


async def _stored_once(
    gateway: Gateway, key: RequestKey, acceptance: Acceptance
) -> dict[str, Any] | None:
    try:
        return await gateway.store.accept(key, acceptance, now=gateway.clock.now())
    except KeyInFlight as error:
        raise Problem("idempotency_key_in_flight") from error
    except asyncpg.PostgresError as error:
        raise_refusal(error)
        raise


def raise_refusal(error: asyncpg.PostgresError) -> None:
    """Raise what the ledger refused as our own error; do nothing for any other database error.

    Raises:
        Problem: about the payment.
        InvalidCommand: about the amount.
    """
    refusal = _LEDGER_REFUSALS.get(error.sqlstate or "")
    if refusal:
        raise refusal() from error


def _replayed(stored: StoredReply, shape: Shape) -> JSONResponse:
    headers = {"Location": stored.location, **REPLAYED}
    return JSONResponse(shape(stored.reply), status_code=stored.status, headers=headers)
