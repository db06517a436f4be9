"""PayPal's routes: check the token, the body and the request id, then execute and answer."""

import asyncio
import json
import secrets
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from provider_sandbox.faults import Kind
from provider_sandbox.paypal import errors, oauth, operations, requests
from provider_sandbox.paypal.errors import PayPalError, refused, render
from provider_sandbox.paypal.operations import Route
from provider_sandbox.paypal.request_context import Call, RequestContext
from provider_sandbox.paypal.request_ids import RequestIds
from provider_sandbox.twin import Exchange

_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]
_LONGEST_ID = 108
_MOCKED = ("orders.", "captures.", "refunds.")
"""Operations that obey ``PayPal-Mock-Response``. Source: developer.paypal.com/negative-testing."""

Answer = tuple[int, object]


def paypal_router(context: RequestContext, ids: RequestIds) -> APIRouter:
    """The token's route, the certificates, and every path that belongs to PayPal."""
    router = APIRouter(tags=["paypal"])

    @router.post(operations.TOKEN_PATH)
    async def token(request: Request) -> Response:
        return await _token(context, request)

    @router.get("/v1/notifications/certs/{name}")
    async def certificate(name: str) -> Response:
        pem = context.signer.pems.get(name)
        status = 404 if pem is None else 200
        return Response(pem or b"", status, media_type="application/x-pem-file")

    async def serve(request: Request) -> Response:
        return await _serve(context, ids, request)

    for prefix in operations.PREFIXES:
        router.add_api_route(f"{prefix}{{_path:path}}", serve, methods=_METHODS)
    return router


async def _token(context: RequestContext, request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    try:
        made: Answer = 200, oauth.issue(context.twin, request.headers.get("authorization"), form)
    except PayPalError as error:
        made = error.status, error.body(_debug_id())
    return _response(made, _debug_id())


async def _serve(context: RequestContext, ids: RequestIds, request: Request) -> Response:
    debug_id = _debug_id()
    held: list[int] = []
    try:
        answer = await _answer(context, ids, request, held)
    except PayPalError as error:
        answer = error.status, error.body(debug_id)
    for callback in held:
        await context.twin.webhook_sender.deliver(callback)
    return _response(answer, debug_id)


async def _answer(
    context: RequestContext, ids: RequestIds, request: Request, held: list[int]
) -> Answer:
    oauth.require(context.twin, request.headers.get("authorization"))
    found = operations.find(request.method, request.url.path)
    if found is None:
        raise PayPalError(404)
    route, path = found
    raw = await request.body()
    call = Call(
        operation=route.key,
        path=path,
        query=dict(request.query_params),
        raw=raw,
        wants_all=request.headers.get("prefer") == "return=representation",
        request_id=_request_id(request, route),
        held=held,
    )
    _check_type(request, raw)
    _check_mock(request, route)
    call.body = requests.parse(route.key, raw)
    scope = "|".join((f"{route.group}.{route.key}", *path))
    key = call.request_id
    if route.repeat is not None and key is not None:
        about = ids.look_up(scope, key, route.key, raw)
        if about is not None:
            return route.repeat(context, call, about)
        ids.begin(scope, key)
    try:
        return await _run(context, ids, request, (call, route, scope))
    finally:
        if key is not None:
            ids.end(scope, key)


async def _run(
    context: RequestContext, ids: RequestIds, request: Request, work: tuple[Call, Route, str]
) -> Answer:
    """Execute the operation while the request id is locked.

    Raises:
        PayPalError: refused, or a fault inside the operation.
    """
    call, route, scope = work
    exchange = request.scope.get("exchange")
    exchange = exchange if isinstance(exchange, Exchange) else Exchange()
    inside = None if exchange.operation_fault is None else exchange.operation_fault.kind
    if inside is Kind.SLOW_INSIDE and exchange.operation_fault is not None:
        await asyncio.sleep(exchange.operation_fault.delay_s)
    if inside is Kind.SAVED_500:
        raise PayPalError(500)
    kept: PayPalError | None = None
    answer: Answer = (500, None)
    with context.twin.store.transaction():
        try:
            answer = _execute(context, call, route)
        except PayPalError as error:
            if not error.keeps:
                raise
            kept = error
        if call.about is not None and call.request_id is not None:
            ids.keep(scope, call.request_id, call.about, call.raw)
        if exchange.request_number is not None and kept is None:
            context.twin.request_log.accept(exchange.request_number)
    if kept is not None:
        raise kept
    if inside is Kind.SAVED_500_AFTER_EFFECT:
        raise PayPalError(500)
    return answer


def _execute(context: RequestContext, call: Call, route: Route) -> Answer:
    context.call = call
    try:
        return route.run(context, call)
    finally:
        context.call = None


def _request_id(request: Request, route: Route) -> str | None:
    """The request id; None when there is none.

    Raises:
        PayPalError: HTTP 400, it is longer than PayPal allows.
    """
    given = request.headers.get("paypal-request-id") or None
    if given is not None and route.group == "orders" and len(given) > _LONGEST_ID:
        raise refused(route.key, "INVALID_STRING_LENGTH", value=given)
    return given


def _check_type(request: Request, raw: bytes) -> None:
    """Raise HTTP 415 for a body that is not said to be JSON; PayPal wants it even without one."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json" and (raw or kind):
        raise PayPalError(415)


def _check_mock(request: Request, route: Route) -> None:
    """Raise the error that ``PayPal-Mock-Response`` asks for."""
    header = request.headers.get("paypal-mock-response")
    if header is None or not route.key.startswith(_MOCKED):
        return
    try:
        wanted = json.loads(header)["mock_application_codes"]
    except (ValueError, KeyError, TypeError) as fault:
        raise PayPalError(400) from fault
    code = wanted[0] if isinstance(wanted, list) and wanted else str(wanted)
    if code in ("INTERNAL_SERVER_ERROR", "INTERNAL_SERVICE_ERROR"):
        raise PayPalError(500)
    if errors.known(route.key, code) is not None:
        raise refused(route.key, code)


def _debug_id() -> str:
    return f"f{secrets.token_hex(6)}"


def _response(answer: Answer, debug_id: str) -> Response:
    status, body = answer
    headers = {"Paypal-Debug-Id": debug_id}
    content = b"" if body is None else render(body)
    kind = None if body is None else "application/json"
    return Response(content, status, headers=headers, media_type=kind)
