"""Endpoints of payments: create, list, show, stream events, cancel."""

from contextlib import ExitStack
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from gateway.auth.authenticator import Scope
from gateway.database.queries import Row
from gateway.http.api_route import (
    KEYED,
    MONEY_HEADERS,
    PAID_WITH,
    PRICED,
    ApiRoute,
    Known,
    needs,
    refusals,
)
from gateway.http.cursors import TimeCursor, read_time_cursor
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.paging import page_of, window
from gateway.http.parts import part
from gateway.idempotency.header import request_key
from gateway.openapi.text import EVENT_EXAMPLE, EVENT_SCHEMA
from gateway.payments.answers import ACCEPTED, decision_answer
from gateway.payments.commands import payment_path
from gateway.payments.event_stream import EventStreamResponse, PaymentStream, last_event_id
from gateway.payments.requests import PaymentIn, PaymentsQuery
from gateway.payments.responses import PaymentOut, PaymentsOut, TimelineOut
from gateway.payments.service import Payments
from gateway.payments.statuses import FINAL_STATUSES
from gateway.payments.timeline import timeline_out
from gateway.problems.problem import Problem

_EVENT_ID = {"pattern": "^[0-9]*$"}
WRITE_SCOPE: dict[str, Scope] = {
    "deposit": "payments:write",
    "withdrawal": "payouts:write",
    "refund": "refunds:write",
}
"""The scope that a caller needs for a payment of each type."""
CREATE_REFUSALS = (
    *KEYED,
    *PRICED,
    *PAID_WITH,
    "insufficient_funds",
    "float_low",
    "quote_not_found",
    "quote_expired",
    "quote_mismatch",
)
_STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, one for each change of the status. `id` is the"
        " payment's version, to resume from; `event` is `payment.<status>`; `data` is JSON with"
        " the payment as it is now.",
        "content": {
            "text/event-stream": {
                "schema": EVENT_SCHEMA,
                "example": EVENT_EXAMPLE,
            }
        },
    },
    204: {"description": "The payment is final and there are no more events: stop reconnecting."},
}
_LAST_EVENT = "The id of the last event received: the stream continues after it."

CREATE_ROUTE = "POST /payments"
"""The scope of the idempotency keys of new payments."""

ThePayments = Annotated[Payments, part(Payments)]

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payments"])


@router.post(
    "/payments",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses=refusals(*CREATE_REFUSALS, body=True),
    **needs("payments:write", "payouts:write", headers=MONEY_HEADERS),
)
async def create_payment(
    body: PaymentIn, request: Request, payments: ThePayments, caller: Known
) -> Response:
    """Accept a deposit or a withdrawal.

    The payment is stored with its command before the answer; the provider's result follows.
    """
    caller.require(WRITE_SCOPE[body.type])
    key = request_key(request, caller, payments.vault, route=CREATE_ROUTE)
    return await decision_answer(await payments.create(body, key), request, payments)


@router.get("/payments", responses=refusals("method_unavailable"), **needs("read"))
async def list_payments(
    query: Annotated[PaymentsQuery, Query()],
    request: Request,
    response: Response,
    payments: ThePayments,
    caller: Known,
) -> PaymentsOut:
    """Payments from the newest to the oldest."""
    requested = window(query, read_time_cursor)
    found = await payments.repository.page(caller, query, requested)
    page = page_of(found, requested, _cursor_of)
    page.link(request, response)
    return PaymentsOut(
        data=[payments.shown(row) for row in page.rows],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


def _cursor_of(row: Row) -> str:
    return TimeCursor(row["created_at"], row["payment_id"]).text()


@router.get("/payments/{payment_id}", responses=refusals("payment_not_found"), **needs("read"))
async def show_payment(payment_id: UUID, payments: ThePayments, caller: Known) -> PaymentOut:
    """One payment as it is now."""
    return payments.shown(await payments.one(caller, payment_id))


@router.get(
    "/payments/{payment_id}/timeline", responses=refusals("payment_not_found"), **needs("read")
)
async def show_timeline(
    payment_id: UUID,
    payments: ThePayments,
    ids: Annotated[OpaqueIds, part(OpaqueIds)],
    caller: Known,
) -> TimelineOut:
    """Every step with its evidence, the postings, and when the provider is queried next."""
    payment = await payments.one(caller, payment_id)
    return timeline_out(
        payment,
        await payments.repository.timeline_events(payment_id),
        await payments.repository.entries(payment_id),
        await payments.repository.holds(payment_id),
        ids,
    )


@router.get(
    "/payments/{payment_id}/events",
    response_class=StreamingResponse,
    responses={**_STREAM_ANSWERS, **refusals("payment_not_found", "too_many_streams")},
    **needs("read"),
)
async def stream_events(
    payment_id: UUID,
    request: Request,
    payments: ThePayments,
    caller: Known,
    seen: Annotated[
        str,
        Header(
            alias="Last-Event-ID",
            description=_LAST_EVENT,
            examples=["4"],
            json_schema_extra=_EVENT_ID,
        ),
    ] = "",
) -> Response:
    """State changes as server-sent events, until the payment is final.

    With `Last-Event-ID`, those after it; an id above the newest gets the newest event.
    """
    after = last_event_id(seen)
    await payments.one(caller, payment_id)
    if request.method == "HEAD":  # only the headers are sent: no stream is opened
        return Response(media_type=EventStreamResponse.media_type)
    with ExitStack() as held:
        if not held.enter_context(payments.waiting.slots.take(caller.key_id)):
            raise Problem("too_many_streams")
        signal = held.enter_context(payments.waiting.signals.watch(str(payment_id)))
        stream = PaymentStream(payments, caller, payment_id, signal, after)
        if after and await _is_over(stream):
            return Response(status_code=204)
        return EventStreamResponse(stream, held.pop_all())


async def _is_over(stream: PaymentStream) -> bool:
    after = stream.after
    changes, payment = await stream.next_changes()
    stream.after = after
    return not changes and payment["status"] in FINAL_STATUSES


@router.post(
    "/payments/{payment_id}/cancel",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses=refusals("payment_not_found", "not_cancelable"),
    **needs("payments:write", "payouts:write", "refunds:write"),
)
async def cancel_payment(payment_id: UUID, payments: ThePayments, caller: Known) -> Response:
    """Request the cancellation of a payment that was not sent to the provider yet.

    Some methods can also cancel what was sent, if the provider agrees. The payment is canceled once
    its status is `canceled`; it may still complete instead.
    """
    payment = await payments.one(caller, payment_id)
    caller.require(WRITE_SCOPE[payment["type"]])
    payment = await payments.cancel(caller, payment)
    return JSONResponse(
        payments.shown(payment).model_dump(mode="json"),
        status_code=ACCEPTED,
        headers={"Location": payment_path(payment_id)},
    )
