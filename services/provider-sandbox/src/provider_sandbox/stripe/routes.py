"""``/v1``: check version, API key, idempotency key and parameters, then execute and answer."""

import asyncio
import re

from fastapi import APIRouter, Request, Response

from provider_sandbox.faults import Fault, Kind
from provider_sandbox.stripe import auth, expand, form, intents, operations, parameters
from provider_sandbox.stripe.errors import StripeError, invalid, render, server_error
from provider_sandbox.stripe.idempotency import Answer, Keys
from provider_sandbox.stripe.operations import Route
from provider_sandbox.stripe.request_context import Call, RequestContext
from provider_sandbox.twin import Exchange

_VERSION = re.compile(r"\d{4}-\d\d-\d\d(\.[a-z]+)?")
_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def stripe_router(context: RequestContext, keys: Keys) -> APIRouter:
    """The routes of every path under ``/v1``."""
    router = APIRouter(tags=["stripe"])

    @router.api_route("/v1/{_path:path}", methods=_METHODS)
    async def serve(request: Request) -> Response:
        return await _serve(context, keys, request)

    return router


async def _serve(context: RequestContext, keys: Keys, request: Request) -> Response:
    call = Call(request_id=context.ids.make("req", 14))
    version = request.headers.get("stripe-version", context.twin.settings.stripe_api_version)
    headers = {"Request-Id": call.request_id, "Stripe-Version": version}
    try:
        if not _VERSION.fullmatch(version):
            raise invalid(f"Invalid Stripe API version: {version[:40]}")
        answer, more = await _answer(context, keys, request, call)
    except StripeError as error:
        answer, more = Answer(error.status, error.body(), call.request_id), error.headers
    for callback in call.early_callbacks:
        await context.twin.webhook_sender.deliver(callback)
    if call.idempotency_key is not None:
        headers["Idempotency-Key"] = call.idempotency_key
    return Response(
        answer.body, answer.status, headers=headers | more, media_type="application/json"
    )


async def _answer(
    context: RequestContext, keys: Keys, request: Request, call: Call
) -> tuple[Answer, dict[str, str]]:
    raw = (await request.body()).decode("utf-8", "replace")
    if request.method == "GET":
        raw = request.url.query
    form_key = form.pairs(raw).get("key")
    authorization = request.headers.get("authorization")
    call.publishable = auth.is_publishable(context.twin.settings, authorization, form_key)
    found = operations.find(request.method, request.url.path)
    if found is None:
        raise _unknown(request)
    route, call.path = found
    if call.publishable:
        auth.check_client(route.name)
    fingerprint = keys.fingerprint(request.method, request.url.path, raw)
    call.idempotency_key = _key(request)
    if call.idempotency_key is not None:
        stored = keys.look_up(call.idempotency_key, fingerprint)
        if stored is not None:
            return stored, {"Idempotent-Replayed": "true", "Original-Request": stored.request_id}
    given = form.decode(raw)
    given.pop("key", None)
    call.params = parameters.check(route.key, given)
    _check_supported(call)
    return await _run_locked(context, keys, request, (call, route, fingerprint)), {}


async def _run_locked(
    context: RequestContext, keys: Keys, request: Request, work: tuple[Call, Route, str]
) -> Answer:
    """Execute the operation while the idempotency key is locked."""
    call, route, fingerprint = work
    exchange = request.scope.get("exchange")
    exchange = exchange if isinstance(exchange, Exchange) else Exchange()
    key, fault = call.idempotency_key, exchange.operation_fault
    if key is not None:
        keys.begin(key)
    try:
        if fault is not None and fault.kind is Kind.SLOW_INSIDE:
            await asyncio.sleep(fault.delay_s)
        with context.twin.store.transaction():
            answer, saved = _execute(context, call, route, fault)
            if key is not None and saved:
                keys.store(key, fingerprint, answer)
            if exchange.request_number is not None and answer.status < 300:
                context.twin.request_log.accept(exchange.request_number)
        return answer
    finally:
        if key is not None:
            keys.end(key)


def _execute(
    context: RequestContext, call: Call, route: Route, fault: Fault | None
) -> tuple[Answer, bool]:
    """Execute the operation; return its answer, and whether the key stores the answer.

    Raises:
        StripeError: refused before the operation began, so no answer is stored.
    """
    kind = None if fault is None else fault.kind
    if kind is Kind.SAVED_500:
        return _failed(call), True
    try:
        body = _effect(context, call, route)
    except StripeError as error:
        if not error.saved:
            raise
        if call.publishable and "payment_intent" in error.fields:
            shown = intents.client_view(error.fields["payment_intent"])
            error.fields["payment_intent"] = shown
        return Answer(error.status, error.body(), call.request_id), True
    if kind is Kind.SAVED_500_AFTER_EFFECT:
        return _failed(call), True
    return Answer(200, body, call.request_id), route.method != "GET"


def _effect(context: RequestContext, call: Call, route: Route) -> bytes:
    context.call = call
    try:
        body = dict(route.run(context, call))
    finally:
        context.call = None
    paths = call.params.get("expand") or []
    return render(expand.apply(context, body, paths))


def _failed(call: Call) -> Answer:
    return Answer(500, server_error(saved=True).body(), call.request_id)


def _key(request: Request) -> str | None:
    return request.headers.get("idempotency-key") or None if request.method == "POST" else None


_UNSUPPORTED = frozenset(
    {
        "application_fee_amount",
        "confirmation_token",
        "customer_account",
        "mandate",
        "on_behalf_of",
        "origin",
        "refund_application_fee",
        "reverse_transfer",
        "transfer_data",
    }
)
"""Parameters that Stripe accepts and that the twin refuses, because they would change an outcome
and the twin does not implement them."""


def _check_supported(call: Call) -> None:
    for name in sorted(_UNSUPPORTED & call.params.keys()):
        raise invalid(f"The twin does not play `{name}`.", param=name)


def _unknown(request: Request) -> StripeError:
    return StripeError(
        404,
        f"Unrecognized request URL ({request.method}: {request.url.path}). Please see "
        "https://docs.stripe.com or we can help at https://support.stripe.com/.",
    )
