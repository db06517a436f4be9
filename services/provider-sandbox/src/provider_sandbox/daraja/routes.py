"""Daraja's routes. Each one checks the token, parses and validates the body, acts and answers."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from provider_sandbox.daraja import (
    b2c,
    balance,
    c2b,
    initiator,
    jobs,
    oauth,
    pull,
    reversal,
    status,
    stk,
    stk_query,
    validation,
    wire,
)
from provider_sandbox.daraja.credential import CredentialKeys
from provider_sandbox.daraja.errors import DarajaError, invalid
from provider_sandbox.twin import Exchange, Twin


def daraja_router(twin: Twin, keys: CredentialKeys) -> APIRouter:
    """Every route of Daraja."""
    router = APIRouter(tags=["daraja"])
    _add_token(router, twin)
    _add_express(router, twin)
    _add_payout(router, twin, keys)
    _add_look_ups(router, twin, keys)
    _add_reversal(router, twin, keys)
    _add_records(router, twin)
    return router


def _add_token(router: APIRouter, twin: Twin) -> None:
    @router.get("/oauth/v1/generate")
    async def generate(request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        grant = request.query_params.get("grant_type")
        token = oauth.generate(twin, authorization=authorization, grant_type=grant)
        return Response(status_code=400) if token is None else _json(token)


def _add_express(router: APIRouter, twin: Twin) -> None:
    @router.post("/mpesa/stkpush/v1/processrequest")
    async def push(request: Request) -> Response:
        body = await _body(twin, request)
        wanted = validation.stk_push(body, refuse_words=twin.settings.refuse_url_words)
        _check_merchant(twin, wanted.credentials)
        accepted = stk.accept(twin, wanted, _exchange(request))
        if accepted is None:
            return Response()  # the fault middleware replaces this answer
        await _deliver(twin, accepted.early_callbacks)
        return _json(
            {
                "MerchantRequestID": accepted.merchant_id,
                "CheckoutRequestID": accepted.checkout_id,
                "ResponseCode": "0",
                "ResponseDescription": "Success. Request accepted for processing",
                "CustomerMessage": "Success. Request accepted for processing",
            }
        )

    @router.post("/mpesa/stkpushquery/v1/query")
    async def query(request: Request) -> Response:
        body = await _body(twin, request)
        _check_merchant(twin, validation.credentials(body))
        checkout_id = validation.text(body, "CheckoutRequestID", longest=100)
        return _json(stk_query.answer(twin, checkout_id))

    @router.post("/mpesa/c2b/v1/registerurl")
    @router.post("/mpesa/c2b/v2/registerurl")
    async def register(request: Request) -> Response:
        return _json(c2b.register(twin, await _body(twin, request)))


def _add_payout(router: APIRouter, twin: Twin, keys: CredentialKeys) -> None:
    @router.post("/mpesa/b2c/v3/paymentrequest")
    async def pay(request: Request) -> Response:
        body = await _body(twin, request)
        wanted = validation.payout(body, refuse_words=twin.settings.refuse_url_words)
        forced = initiator.refusal_code(twin, keys, wanted.initiator)
        accepted = b2c.accept(twin, wanted, _exchange(request), forced=forced)
        if accepted is None:
            return Response()  # the fault middleware replaces this answer
        row, early_callbacks = accepted
        await _deliver(twin, early_callbacks)
        return _json(wire.acknowledgement(row["originator_id"], row["conversation_id"]))


def _add_look_ups(router: APIRouter, twin: Twin, keys: CredentialKeys) -> None:
    @router.post("/mpesa/transactionstatus/v1/query")
    async def transaction_status(request: Request) -> Response:
        body = await _body(twin, request)
        wanted = validation.status_query(body, refuse_words=twin.settings.refuse_url_words)
        job = _job(twin, keys, status.OPERATION, wanted.initiator, request)
        await _deliver(twin, status.schedule(twin, job, wanted))
        return _acknowledge(job)

    @router.post("/mpesa/accountbalance/v1/query")
    async def account_balance(request: Request) -> Response:
        body = await _body(twin, request)
        wanted = validation.balance_query(body, refuse_words=twin.settings.refuse_url_words)
        job = _job(twin, keys, balance.OPERATION, wanted.initiator, request)
        await _deliver(twin, balance.schedule(twin, job, wanted))
        return _acknowledge(job)


def _add_reversal(router: APIRouter, twin: Twin, keys: CredentialKeys) -> None:
    @router.post("/mpesa/reversal/v1/request")
    async def reverse(request: Request) -> Response:
        body = await _body(twin, request)
        wanted = validation.reversal(body, refuse_words=twin.settings.refuse_url_words)
        job = _job(twin, keys, reversal.OPERATION, wanted.initiator, request)
        with twin.store.transaction():
            early_callbacks = reversal.schedule(twin, job, wanted)
            if (number := _exchange(request).request_number) is not None:
                twin.request_log.accept(number)
        await _deliver(twin, early_callbacks)
        return _acknowledge(job)


def _add_records(router: APIRouter, twin: Twin) -> None:
    @router.post("/pulltransactions/v1/register")
    async def register_pull(request: Request) -> Response:
        return _json(pull.register(twin, await _body(twin, request)))

    @router.post("/pulltransactions/v1/query")
    async def pull_transactions(request: Request) -> Response:
        return _json(pull.query(twin, await _body(twin, request)))


async def _body(twin: Twin, request: Request) -> Mapping[str, Any]:
    oauth.require_token(twin, request.headers.get("authorization"))
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise invalid("BusinessShortCode")  # Daraja's real answer to a form-encoded body
    try:
        return validation.require_object(json.loads(await request.body()))
    except ValueError:
        raise DarajaError(400, "400.002.05", "Invalid Request Payload") from None


def _check_merchant(twin: Twin, given: wire.Credentials) -> None:
    validation.check_merchant(
        given,
        short_code=twin.settings.short_code,
        passkey=twin.settings.passkey.get_secret_value(),
    )


def _job(
    twin: Twin, keys: CredentialKeys, kind: str, operator: wire.Initiator, request: Request
) -> jobs.Job:
    forced = initiator.refusal_code(twin, keys, operator)
    return jobs.Job.new(twin, kind, operator, _exchange(request), forced)


def _acknowledge(job: jobs.Job) -> Response:
    return _json(wire.acknowledgement(job.originator_id, job.conversation_id))


async def _deliver(twin: Twin, early_callbacks: list[int]) -> None:
    for callback in early_callbacks:
        await twin.webhook_sender.deliver(callback)


def _exchange(request: Request) -> Exchange:
    exchange = request.scope.get("exchange")
    return exchange if isinstance(exchange, Exchange) else Exchange()


def _json(body: Mapping[str, Any]) -> Response:
    return Response(wire.render(body), media_type="application/json")
