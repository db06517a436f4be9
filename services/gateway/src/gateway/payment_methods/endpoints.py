"""Endpoints of saved payment methods: some are stored here, sealed, others at the provider."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from gateway.auth.authenticator import Caller
from gateway.http.api_route import (
    KEYED,
    METHOD_HEADERS,
    PAID_WITH,
    ApiRoute,
    Known,
    needs,
    refusals,
)
from gateway.http.cursors import TimeCursor, read_time_cursor
from gateway.http.paging import page_of, window
from gateway.http.parts import part
from gateway.http.prefer_wait import preferred_wait_s
from gateway.idempotency.answers import REPLAYED
from gateway.idempotency.header import HEADER, optional_key, read_key
from gateway.payment_methods.commands import (
    CREATED,
    SaveRequest,
    method_path,
    rail_for_saving,
    save_request_of,
)
from gateway.payment_methods.instrument_resolver import InstrumentResolver
from gateway.payment_methods.requests import SavedMethodIn, SavedMethodsQuery
from gateway.payment_methods.responses import SavedMethodOut, SavedMethodsOut
from gateway.payment_methods.service import PaymentMethods

Methods = Annotated[PaymentMethods, part(PaymentMethods)]

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payment methods"])

_NOT_FOUND = "payment_method_not_found"
_SAVE_REFUSALS = (*KEYED[1:], *PAID_WITH, "method_unavailable", _NOT_FOUND)


@router.post(
    "/payment-methods",
    status_code=201,
    response_model=SavedMethodOut,
    responses={
        200: {"description": "The instrument was saved before.", "model": SavedMethodOut},
        **refusals(*_SAVE_REFUSALS, body=True),
    },
    **needs("methods:write", headers=METHOD_HEADERS),
)
async def save_method(
    body: SavedMethodIn,
    request: Request,
    methods: Methods,
    instruments: Annotated[InstrumentResolver, part(InstrumentResolver)],
    caller: Known,
) -> Response:
    """Save an instrument for a customer; one that we store ourselves, such as a phone, only once.

    Others, such as a card, are saved at the provider. Without a token, `setup` in the response lets
    the customer's client enter the instrument there; it is `active` once the provider has confirmed
    it.
    """
    rail = rail_for_saving(body)
    instruments.check_offered(rail)
    save_request = save_request_of(body, rail)
    if save_request.saving.at_provider:
        return await _save_at_provider(save_request, request, methods, caller)
    if HEADER in request.headers:  # no key is needed here, but a malformed key is refused
        read_key(request.headers.getlist(HEADER))
    return await _save_here(save_request, methods, caller)


async def _save_at_provider(
    save_request: SaveRequest, request: Request, methods: PaymentMethods, caller: Caller
) -> Response:
    key = optional_key(request, caller, methods.vault, methods.ids, route="POST /payment-methods")
    requested_wait_s = preferred_wait_s(request.headers.getlist("prefer"))
    made = await methods.save_at_provider(save_request, key, requested_wait_s)
    headers = {"Location": method_path(made.row["payment_method_id"])}
    if made.replayed:
        headers |= REPLAYED
    if made.waited_s is not None:
        headers["Preference-Applied"] = f"wait={made.waited_s}"
    shown = methods.shown(made.row).model_dump(mode="json")
    return JSONResponse(shown, status_code=CREATED, headers=headers)


async def _save_here(
    save_request: SaveRequest, methods: PaymentMethods, caller: Caller
) -> Response:
    row = await methods.save_here(save_request, caller)
    return JSONResponse(
        methods.shown(row).model_dump(mode="json"),
        status_code=CREATED if row["fresh"] else 200,
        headers={"Location": method_path(row["payment_method_id"])},
    )


@router.get("/payment-methods", responses=refusals("method_unavailable"), **needs("read"))
async def list_methods(
    query: Annotated[SavedMethodsQuery, Query()],
    request: Request,
    response: Response,
    methods: Methods,
    caller: Known,
) -> SavedMethodsOut:
    """Saved methods from the newest to the oldest."""
    requested = window(query, read_time_cursor)
    found = await methods.repository.page(caller, query, requested)
    page = page_of(
        found, requested, lambda row: TimeCursor(row["created_at"], row["payment_method_id"]).text()
    )
    page.link(request, response)
    return SavedMethodsOut(
        data=[methods.shown(row) for row in page.rows],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


@router.get(
    "/payment-methods/{method_id}",
    response_model=SavedMethodOut,
    responses=refusals(_NOT_FOUND),
    **needs("read"),
)
async def show_method(method_id: UUID, methods: Methods, caller: Known) -> BaseModel:
    """One saved method as it is now, with the instrument masked."""
    return methods.shown(await methods.one(caller, method_id))


@router.delete(
    "/payment-methods/{method_id}",
    status_code=204,
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def delete_method(method_id: UUID, methods: Methods, caller: Known) -> None:
    """Delete a saved method; payments made with it do not change.

    It can't be used from now on. A card is then deleted at the provider as well.
    """
    await methods.delete(caller, method_id)


@router.post(
    "/payment-methods/{method_id}/verify",
    response_model=SavedMethodOut,
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def verify_method(method_id: UUID, methods: Methods, caller: Known) -> BaseModel:
    """Check whether the method is verified.

    A card is verified once the provider has confirmed it. A phone is verified by a completed
    deposit from it, because its owner entered the PIN. This request sends nothing to the phone.
    """
    return methods.shown(await methods.verify(caller, method_id))
