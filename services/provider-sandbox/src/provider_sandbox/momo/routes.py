"""MTN's routes. Each one checks key and token, reads the body, acts and answers."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from provider_sandbox.momo import access, accounts, phones, requests, transactions
from provider_sandbox.momo.errors import MomoError, refused
from provider_sandbox.twin import Exchange, Twin

Product = Annotated[str, Path(pattern="^(collection|disbursement)$")]
_KINDS = {
    "/collection/v1_0/requesttopay": "collection",
    "/disbursement/v1_0/transfer": "transfer",
    "/disbursement/v1_0/refund": "refund",
    "/disbursement/v2_0/refund": "refund",
}
_SHOWN = {
    "/collection/v1_0/requesttopay": "collection",
    "/disbursement/v1_0/transfer": "transfer",
    "/disbursement/v1_0/refund": "refund",
}


def momo_router(twin: Twin) -> APIRouter:
    """Every route of MTN MoMo."""
    router = APIRouter(tags=["momo"])
    _add_users(router, twin)
    for path, kind in _KINDS.items():
        _add_move(router, twin, path, kind)
    for path, kind in _SHOWN.items():
        _add_show(router, twin, path, kind)
    _add_look_ups(router, twin)
    return router


def _add_users(router: APIRouter, twin: Twin) -> None:
    @router.post("/v1_0/apiuser")
    async def create_user(request: Request) -> Response:
        access.create_user(twin, request.headers, await _body(request))
        return Response(status_code=201)

    @router.post("/v1_0/apiuser/{user}/apikey")
    async def create_key(user: str, request: Request) -> Response:
        return _json(access.create_key(twin, request.headers, user), 201)

    @router.get("/v1_0/apiuser/{user}")
    async def show_user(user: str, request: Request) -> Response:
        return _json(access.show_user(twin, request.headers, user))

    @router.post("/{product}/token/")
    async def token(product: Product, request: Request) -> Response:
        return _json(access.issue_token(twin, request.headers, product))


def _add_move(router: APIRouter, twin: Twin, path: str, kind: str) -> None:
    @router.post(path, name=f"momo {path}")
    async def move(request: Request) -> Response:
        wish = requests.read(twin, request.headers, kind, await _body(request))
        early = transactions.accept(twin, wish, _exchange(request))
        for callback in early or ():
            await twin.webhook_sender.deliver(callback)
        return Response(status_code=202)


def _add_show(router: APIRouter, twin: Twin, path: str, kind: str) -> None:
    product = path.split("/")[1]

    @router.get(f"{path}/{{reference_id}}", name=f"momo status {kind}")
    async def show(reference_id: str, request: Request) -> Response:
        place, _ = access.caller(twin, request.headers, product)
        return _json(transactions.show(twin, place, kind, access.uuid4_of(reference_id)))


def _add_look_ups(router: APIRouter, twin: Twin) -> None:
    @router.get("/{product}/v1_0/account/balance")
    async def balance(product: Product, request: Request) -> Response:
        place, _ = access.caller(twin, request.headers, product)
        units = accounts.balance(twin, place, product)
        return _json({"availableBalance": str(units), "currency": place.currency})

    @router.get("/{product}/v1_0/accountholder/msisdn/{msisdn}/active")
    async def holder(product: Product, msisdn: str, request: Request) -> Response:
        access.caller(twin, request.headers, product)
        if not msisdn.isdigit():
            raise refused(400, "INVALID_MSISDN", "Not a number.")
        return _json({"result": phones.behaviour_of(twin, msisdn).holder})


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        raise MomoError(400) from None


def _exchange(request: Request) -> Exchange:
    exchange = request.scope.get("exchange")
    return exchange if isinstance(exchange, Exchange) else Exchange()


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")
