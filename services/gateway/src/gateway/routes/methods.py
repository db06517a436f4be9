"""Saved payment methods: a customer's phones, kept sealed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.cursors import TimeCursor, next_link, read_time_cursor
from gateway.instruments import phone_fingerprint, phone_instrument
from gateway.phones import normalised
from gateway.problems import Problem
from gateway.replies import (
    SavedMethodOut,
    SavedMethodsOut,
)
from gateway.routing import ApiRoute, Known, Running, needs, refusals
from gateway.schemas import (
    SavedMethodIn,
    SavedMethodsQuery,
)
from gateway.store import SavedPhone
from gateway.views import saved_method_out

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payment methods"])

_NOT_FOUND = "payment_method_not_found"


@router.post(
    "/payment-methods",
    status_code=201,
    response_model=SavedMethodOut,
    responses={
        200: {"description": "It was saved before.", "model": SavedMethodOut},
        **refusals(body=True),
    },
    **needs("methods:write"),
)
async def save_method(wish: SavedMethodIn, gateway: Running, caller: Known) -> Response:
    """Keep a phone for a customer; the same phone is kept once."""
    phone = normalised(wish.phone, wish.country)
    instrument = phone_instrument(phone, wish.country, gateway.vault)
    kept = SavedPhone(
        method_id=gateway.ids.new_id(),
        customer_id=wish.customer_id,
        method=wish.method,
        display=instrument.display,
        sealed=instrument.sealed,
        country=instrument.country,
        fingerprint=phone_fingerprint(phone, gateway.vault),
    )
    row = await gateway.store.save_method(caller, kept, now=gateway.clock.now())
    return JSONResponse(
        saved_method_out(row).model_dump(mode="json"),
        status_code=201 if row["fresh"] else 200,
        headers={"Location": f"/api/v1/payment-methods/{row['payment_method_id']}"},
    )


@router.get("/payment-methods", responses=refusals(), **needs("read"))
async def list_methods(
    query: Annotated[SavedMethodsQuery, Query()],
    request: Request,
    response: Response,
    gateway: Running,
    caller: Known,
) -> SavedMethodsOut:
    """Saved methods from the newest to the oldest."""
    cursor = read_time_cursor(query.after)
    rows = await gateway.store.saved_methods(
        caller, query.customer_id, cursor, rows_max=query.limit + 1
    )
    page, last = rows[: query.limit], rows[query.limit - 1] if len(rows) > query.limit else None
    after = TimeCursor(last["created_at"], last["payment_method_id"]).text() if last else None
    if after:
        given = dict(request.query_params)
        response.headers["Link"] = next_link(request.url.path, given, after)
    return SavedMethodsOut(data=[saved_method_out(row) for row in page], next_cursor=after)


@router.get("/payment-methods/{method_id}", responses=refusals(_NOT_FOUND), **needs("read"))
async def show_method(method_id: UUID, gateway: Running, caller: Known) -> SavedMethodOut:
    """One saved method, masked."""
    row = await gateway.store.saved_method(caller, method_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return saved_method_out(row)


@router.delete(
    "/payment-methods/{method_id}",
    status_code=204,
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def delete_method(method_id: UUID, gateway: Running, caller: Known) -> None:
    """Forget a saved method; payments made with it stay as they are."""
    if not await gateway.store.delete_method(caller, method_id):
        raise Problem(_NOT_FOUND)


@router.post(
    "/payment-methods/{method_id}/verify",
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def verify_method(method_id: UUID, gateway: Running, caller: Known) -> SavedMethodOut:
    """Look whether the method has been proved.

    No provider tells who owns a phone; a deposit from it that completed does, because its owner
    entered the PIN. So nothing is sent to the phone here.
    """
    row = await gateway.store.verify_method(caller, method_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return saved_method_out(row)
