"""The routes of M-Pesa OpenAPI for Tanzania.

Each one checks the session, validates the fields, acts and answers.
"""

import asyncio
import json
from collections.abc import Mapping
from sqlite3 import Row
from typing import Any

from fastapi import APIRouter, Request, Response

from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.vodacom import payments, sessions, validation
from provider_sandbox.vodacom.behaviours import BEHAVIOURS
from provider_sandbox.vodacom.errors import Refused, SessionRefused, answer, render
from provider_sandbox.vodacom.keys import PlatformKeys

PREFIX = "/sandbox/ipg/v2/vodacomTZN"
_LOOK_S = 0.02


def vodacom_router(twin: Twin, keys: PlatformKeys) -> APIRouter:
    """Every route of the market."""
    router = APIRouter(prefix=PREFIX, tags=["vodacom"])
    _add_session(router, twin, keys)
    _add_payments(router, twin, keys)
    _add_query(router, twin, keys)
    return router


def _add_session(router: APIRouter, twin: Twin, keys: PlatformKeys) -> None:
    @router.get("/getSession/")
    async def get_session(request: Request) -> Response:
        head = request.headers
        try:
            session = sessions.create(
                twin, keys, authorization=head.get("authorization"), origin=head.get("origin")
            )
        except Refused as refused:
            return _refused(refused)
        return _json(200, answer("INS-0", output_SessionID=session))


def _add_payments(router: APIRouter, twin: Twin, keys: PlatformKeys) -> None:
    async def pay(kind: str, request: Request) -> Response:
        try:
            session = sessions.require(twin, keys, request.headers.get("authorization"))
            wanted = validation.payment(twin, kind, await _body(request))
            sessions.count_payment(twin, session)
            accepted = payments.accept(twin, wanted, _exchange(request))
        except (Refused, SessionRefused) as refused:
            return _refusal(twin, refused)
        if accepted is None:
            return Response()  # the fault middleware replaces this answer
        return await _answered(twin, *accepted)

    @router.post("/c2bPayment/singleStage/")
    async def pay_in(request: Request) -> Response:
        return await pay("c2b", request)

    @router.post("/b2cPayment/")
    @router.post("/b2cPayment/singleStage/")
    async def pay_out(request: Request) -> Response:
        return await pay("b2c", request)

    @router.put("/reversal/")
    async def reverse(request: Request) -> Response:
        try:
            session = sessions.require(twin, keys, request.headers.get("authorization"))
            wanted = validation.reversal(twin, await _body(request))
            sessions.count_payment(twin, session)
            row, early = payments.reverse(twin, wanted, _exchange(request))
        except (Refused, SessionRefused) as refused:
            return _refusal(twin, refused)
        return await _answered(twin, row, early)


def _add_query(router: APIRouter, twin: Twin, keys: PlatformKeys) -> None:
    @router.get("/queryTransactionStatus/")
    async def query(request: Request) -> Response:
        try:
            sessions.require(twin, keys, request.headers.get("authorization"))
            wanted = validation.query(twin, request.query_params)
            if twin.settings.vodacom_unique_queries:
                payments.use_key(twin, wanted.key)
            found = payments.by_any_id(twin, wanted.about)
            return _json(200, _status(twin, wanted.key, found))
        except (Refused, SessionRefused) as refused:
            return _refusal(twin, refused)


def _status(twin: Twin, key: str, row: Row | None) -> dict[str, Any]:
    """The answer of a query."""
    if row is None and twin.settings.vodacom_unknown_query == "INS-23":
        raise Refused("INS-23", output_ThirdPartyConversationID=key)
    fields = {
        "output_ResponseTransactionStatus": "N/A" if row is None else row["status"],
        "output_ConversationID": "N/A" if row is None else row["conversation_id"],
        "output_ThirdPartyConversationID": key,
    }
    if row is not None and row["transaction_id"] and twin.settings.vodacom_query_receipt:
        fields["output_OriginalTransactionID"] = row["transaction_id"]
    return answer("INS-0", **fields)


async def _answered(twin: Twin, row: Row, early_notices: list[int]) -> Response:
    """The answer to an accepted request: at once, or with its result."""
    for notice in early_notices:
        await twin.webhook_sender.deliver(notice)
    decided = payments.find(twin, row["key"]) or row
    if BEHAVIOURS[row["behaviour"]].answers_error:
        return _json(400, answer("INS-1", **_ids(row)))
    if decided["code"] == "INS-2006" and decided["kind"] != "c2b":
        return _json(422, answer("INS-2006", **_ids(row)))
    if twin.settings.vodacom_flow == "asynchronous":
        return _json(201, answer("INS-0", output_TransactionID="N/A", **_ids(row)))
    return await _held(twin, row)


async def _held(twin: Twin, row: Row) -> Response:
    """The answer in synchronous use: when the request is decided, or after M-Pesa's own limit."""
    until = row["created_at"] + twin.clock.span(twin.settings.vodacom_timeout_s)
    while (found := payments.find(twin, row["key"])) is not None and found["code"] is None:
        if twin.clock.now() > until:
            return _refused(Refused("INS-9", **_ids(row)))
        await asyncio.sleep(_LOOK_S)
    code = "INS-1" if found is None else found["code"]
    if code != "INS-0" or found is None:
        return _refused(Refused(code, **_ids(row)))
    return _json(201, answer("INS-0", output_TransactionID=found["transaction_id"], **_ids(row)))


def _ids(row: Row) -> dict[str, str]:
    return {
        "output_ConversationID": row["conversation_id"],
        "output_ThirdPartyConversationID": row["key"],
    }


async def _body(request: Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Refused("INS-21") from None
    if not isinstance(body, dict):
        raise Refused("INS-21")
    return body


def session_refusal(error: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request without an accepted session."""
    if error == "INS-989":
        return Refused("INS-989").status, Refused("INS-989").body()
    return 401, b""


def _refusal(twin: Twin, refused: Refused | SessionRefused) -> Response:
    if isinstance(refused, Refused):
        return _refused(refused)
    status, body = session_refusal(twin.settings.vodacom_session_error)
    return Response(body, status, media_type="application/json")


def _refused(refused: Refused) -> Response:
    return Response(refused.body(), refused.status, media_type="application/json")


def _exchange(request: Request) -> Exchange:
    exchange = request.scope.get("exchange")
    return exchange if isinstance(exchange, Exchange) else Exchange()


def _json(status: int, body: Mapping[str, Any]) -> Response:
    return Response(render(body), status, media_type="application/json")
