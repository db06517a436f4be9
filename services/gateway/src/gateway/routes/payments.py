"""Payments: make one, watch it, stop it."""

from contextlib import ExitStack
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from cift_shared.ids import PaymentId
from gateway.accept import Origin, cancel_message, payment_acceptance, payment_path
from gateway.auth import Caller, Scope
from gateway.context import Gateway
from gateway.cursors import TimeCursor, next_link, read_time_cursor
from gateway.once import ACCEPTED, accept, raise_refusal, replay, request_key
from gateway.pay_with import check_offered, chosen_instrument
from gateway.pricing import Ask, Quote, pinned_quote, quote
from gateway.problems import Problem
from gateway.replies import (
    PaymentOut,
    PaymentsOut,
    TimelineOut,
)
from gateway.routing import MONEY_HEADERS, ApiRoute, Known, Running, needs, refusals
from gateway.schemas import (
    FINAL_STATUSES,
    PaymentIn,
    PaymentsQuery,
)
from gateway.statements import Row
from gateway.streams import EventStreamResponse, PaymentStream
from gateway.views import payment_out, timeline_out

EVENT_SEQ_MAX = 2**63 - 1
_WRITE_SCOPE: dict[str, Scope] = {
    "deposit": "payments:write",
    "withdrawal": "payouts:write",
    "refund": "refunds:write",
}
_BUSINESS = (
    "idempotency_key_missing",
    "idempotency_key_in_flight",
    "insufficient_funds",
    "quote_expired",
)
_STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `payment.<status>`; ids are numbers to resume from.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string", "pattern": "^[0-9]+$"},
                        "event": {"type": "string", "pattern": r"^payment\.[a-z_]+$"},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                }
            }
        },
    },
    204: {"description": "The payment is final and nothing is left to tell: stop reconnecting."},
}

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payments"])


@router.post(
    "/payments",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses=refusals(*_BUSINESS, body=True),
    **needs("payments:write", "payouts:write", headers=MONEY_HEADERS),
)
async def create_payment(
    order: PaymentIn,
    request: Request,
    gateway: Running,
    caller: Known,
) -> Response:
    """Accept a deposit or a withdrawal.

    The payment is stored with its command before the answer; what the provider makes of it follows.
    """
    caller.require(_WRITE_SCOPE[order.type])
    key = request_key(request, caller, gateway, route="POST /payments")
    # what a retry names may be gone by now: a saved method deleted, a quote expired
    names_something = order.payment_method.id is not None or order.quote_id is not None
    if names_something and (answer := await replay(gateway, key)):
        return answer
    check_offered(order.method, gateway)
    now = gateway.clock.now()
    price = await _price(order, gateway, caller, now)
    instrument = await chosen_instrument(order, gateway, caller)
    origin = Origin(PaymentId(gateway.ids.new_id()), caller, now)
    acceptance = payment_acceptance(order, price, instrument, origin)
    return await accept(gateway, key, acceptance, request)


async def _price(order: PaymentIn, gateway: Gateway, caller: Caller, now: datetime) -> Quote:
    ask = Ask(order.type, order.method, order.amount, order.currency)
    if order.quote_id is None:
        return quote(ask, gateway.fees, at=now)
    return pinned_quote(ask, await gateway.quotes.find(caller, order.quote_id), at=now)


@router.get("/payments", responses=refusals(), **needs("read"))
async def list_payments(
    query: Annotated[PaymentsQuery, Query()],
    request: Request,
    response: Response,
    gateway: Running,
    caller: Known,
) -> PaymentsOut:
    """Payments from the newest to the oldest."""
    cursor = read_time_cursor(query.after)
    rows = await gateway.store.payments(
        caller, query.model_dump(), cursor, rows_max=query.limit + 1
    )
    page, last = rows[: query.limit], rows[query.limit - 1] if len(rows) > query.limit else None
    after = TimeCursor(last["created_at"], last["payment_id"]).text() if last else None
    if after:
        given = dict(request.query_params)
        response.headers["Link"] = next_link(request.url.path, given, after)
    return PaymentsOut(data=[payment_out(row, gateway.vault) for row in page], next_cursor=after)


@router.get("/payments/{payment_id}", responses=refusals("payment_not_found"), **needs("read"))
async def show_payment(payment_id: UUID, gateway: Running, caller: Known) -> PaymentOut:
    """One payment as it is now."""
    return payment_out(await _found(gateway, caller, payment_id), gateway.vault)


async def _found(gateway: Gateway, caller: Caller, payment_id: UUID) -> Row:
    row = await gateway.store.payment(caller, payment_id)
    if row is None:
        raise Problem("payment_not_found")
    return row


@router.get(
    "/payments/{payment_id}/timeline", responses=refusals("payment_not_found"), **needs("read")
)
async def show_timeline(payment_id: UUID, gateway: Running, caller: Known) -> TimelineOut:
    """Every step with its evidence, where the money went, and when the provider is asked next."""
    payment = await _found(gateway, caller, payment_id)
    return timeline_out(
        payment,
        await gateway.store.timeline_events(payment_id),
        await gateway.store.payment_entries(payment_id),
        await gateway.store.payment_holds(payment_id),
    )


@router.get(
    "/payments/{payment_id}/events",
    response_class=StreamingResponse,
    responses={**_STREAM_ANSWERS, **refusals("payment_not_found", "too_many_streams")},
    **needs("read"),
)
async def stream_events(
    payment_id: UUID,
    gateway: Running,
    caller: Known,
    last_event_id: Annotated[int, Header(ge=0, le=EVENT_SEQ_MAX)] = 0,
) -> Response:
    """State changes as server-sent events, until the payment is final."""
    await _found(gateway, caller, payment_id)
    with ExitStack() as held:
        if not held.enter_context(gateway.slots.take(caller.key_id)):
            raise Problem("too_many_streams")
        signal = held.enter_context(gateway.signals.watch(str(payment_id)))
        stream = PaymentStream(gateway, caller, payment_id, signal, last_event_id)
        if last_event_id and await _is_over(stream):
            return Response(status_code=204)
        return EventStreamResponse(stream, held.pop_all())


async def _is_over(stream: PaymentStream) -> bool:
    after = stream.after
    changes, payment = await stream.news()
    stream.after = after
    return not changes and payment["status"] in FINAL_STATUSES


@router.post(
    "/payments/{payment_id}/cancel",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses=refusals("payment_not_found", "not_cancelable"),
    **needs("payments:write", "payouts:write", "refunds:write"),
)
async def cancel_payment(payment_id: UUID, gateway: Running, caller: Known) -> Response:
    """Ask for a payment to be stopped that the provider has not seen yet.

    Its worker decides, so the payment is canceled when its status says so.
    """
    payment = await _found(gateway, caller, payment_id)
    caller.require(_WRITE_SCOPE[payment["type"]])
    now = gateway.clock.now()
    message = cancel_message(payment_id, payment["method"], now)
    try:
        await gateway.store.cancel(caller, payment_id, message, now=now)
    except asyncpg.PostgresError as error:
        raise_refusal(error)
        raise
    gateway.relay.wake()
    payment = await _found(gateway, caller, payment_id)
    return JSONResponse(
        payment_out(payment, gateway.vault).model_dump(mode="json"),
        status_code=ACCEPTED,
        headers={"Location": payment_path(payment_id)},
    )
