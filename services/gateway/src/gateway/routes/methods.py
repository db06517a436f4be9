"""Saved payment methods: a customer's phones, kept sealed, and cards, kept at the provider."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.auth import Caller
from gateway.card_setup import forget_card, method_path, set_up_card
from gateway.context import Gateway
from gateway.cursors import TimeCursor, next_link, read_time_cursor
from gateway.instruments import CARD, phone_fingerprint, phone_instrument
from gateway.method_replies import SavedCardOut, SavedMethodOut, SavedMethodsOut, SavedPhoneOut
from gateway.method_views import saved_method_out
from gateway.once import REPLAYED
from gateway.pay_with import check_offered
from gateway.phones import normalised
from gateway.problems import Problem, body_problem
from gateway.routing import METHOD_HEADERS, ApiRoute, Known, Running, needs, refusals
from gateway.saved_methods import SavedPhone
from gateway.schemas import SavedMethodIn, SavedMethodsQuery
from gateway.statements import Row

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payment methods"])

_NOT_FOUND = "payment_method_not_found"
_SAVE_REFUSALS = ("idempotency_key_malformed", "idempotency_key_in_flight", _NOT_FOUND)


def _shown(row: Row, gateway: Gateway) -> SavedPhoneOut | SavedCardOut:
    return saved_method_out(row, gateway.vault, gateway.settings.stripe_publishable_key)


@router.post(
    "/payment-methods",
    status_code=201,
    response_model=SavedMethodOut,
    responses={
        200: {"description": "The phone was saved before.", "model": SavedMethodOut},
        **refusals(*_SAVE_REFUSALS, body=True),
    },
    **needs("methods:write", headers=METHOD_HEADERS),
)
async def save_method(
    wish: SavedMethodIn, request: Request, gateway: Running, caller: Known
) -> Response:
    """Keep a phone or a card for a customer; the same phone is kept once.

    A card is kept at the provider. Without a token the answer's `setup` lets the customer's client
    enter it there; the card is `active` once the provider has confirmed it.
    """
    check_offered(wish.method, gateway)
    if wish.method != CARD:
        return await _save_phone(wish, gateway, caller)
    card = await set_up_card(wish, request, gateway, caller)
    headers = {"Location": method_path(card.row["payment_method_id"])}
    if card.replayed:
        headers |= REPLAYED
    if card.waited_s is not None:
        headers["Preference-Applied"] = f"wait={card.waited_s}"
    return JSONResponse(
        _shown(card.row, gateway).model_dump(mode="json"), status_code=201, headers=headers
    )


async def _save_phone(wish: SavedMethodIn, gateway: Gateway, caller: Caller) -> Response:
    if wish.phone is None or {"token", "return_url"} & wish.model_fields_set:
        raise body_problem("payment_method_invalid", "This method takes a phone.", "/phone")
    phone = normalised(wish.phone, wish.country)
    instrument = phone_instrument(phone, wish.country, gateway.vault)
    kept = SavedPhone(
        method_id=gateway.ids.new_id(),
        customer_id=wish.customer_id,
        method=wish.method,
        display=instrument.display,
        sealed=instrument.sealed,
        country=wish.country,
        fingerprint=phone_fingerprint(phone, gateway.vault),
    )
    row = await gateway.methods.save_phone(caller, kept, now=gateway.clock.now())
    return JSONResponse(
        _shown(row, gateway).model_dump(mode="json"),
        status_code=201 if row["fresh"] else 200,
        headers={"Location": method_path(row["payment_method_id"])},
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
    rows = await gateway.methods.page(caller, query.customer_id, cursor, rows_max=query.limit + 1)
    page, last = rows[: query.limit], rows[query.limit - 1] if len(rows) > query.limit else None
    after = TimeCursor(last["created_at"], last["payment_method_id"]).text() if last else None
    if after:
        given = dict(request.query_params)
        response.headers["Link"] = next_link(request.url.path, given, after)
    return SavedMethodsOut(data=[_shown(row, gateway) for row in page], next_cursor=after)


@router.get(
    "/payment-methods/{method_id}",
    response_model=SavedMethodOut,
    responses=refusals(_NOT_FOUND),
    **needs("read"),
)
async def show_method(
    method_id: UUID, gateway: Running, caller: Known
) -> SavedPhoneOut | SavedCardOut:
    """One saved method as it is now: what may be shown of it."""
    return _shown(await _found(gateway, caller, method_id), gateway)


async def _found(gateway: Gateway, caller: Caller, method_id: UUID) -> Row:
    row = await gateway.methods.one(caller, method_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return row


@router.delete(
    "/payment-methods/{method_id}",
    status_code=204,
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def delete_method(method_id: UUID, gateway: Running, caller: Known) -> None:
    """Forget a saved method; payments made with it stay as they are.

    It can't be used from this moment on. A card is then forgotten at the provider as well.
    """
    row = await _found(gateway, caller, method_id)
    if row["kind"] == CARD:
        await forget_card(row, gateway, caller)
    else:
        await gateway.methods.delete_phone(caller, method_id)


@router.post(
    "/payment-methods/{method_id}/verify",
    response_model=SavedMethodOut,
    responses=refusals(_NOT_FOUND),
    **needs("methods:write"),
)
async def verify_method(
    method_id: UUID, gateway: Running, caller: Known
) -> SavedPhoneOut | SavedCardOut:
    """Look whether the method has been proved.

    A card is proved when the provider has confirmed it. No provider tells who owns a phone; a
    deposit from it that completed does, because its owner entered the PIN. So nothing is sent to
    the phone here.
    """
    row = await gateway.methods.verify(caller, method_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return _shown(row, gateway)
