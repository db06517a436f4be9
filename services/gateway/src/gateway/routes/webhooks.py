"""Providers' notices: kept sealed, passed on, acted upon elsewhere and only as hints."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from cift_shared import topics
from cift_shared.callback_token import CallbackAddress
from cift_shared.envelope import outgoing
from cift_shared.log import get_logger
from cift_shared.messages import ProviderNotice
from gateway.accept import SOURCE
from gateway.context import Gateway
from gateway.limits import WEBHOOK_BODY_BYTES_MAX, read_body
from gateway.problems import Problem
from gateway.routing import PUBLIC, ApiRoute, Running, refusals
from gateway.sources import UNKNOWN, is_listed, source_address
from gateway.store import Notice

MPESA = "mpesa"
# What Daraja wants to hear; it does not try again, whatever it is told.
_TAKEN = {"ResultCode": 0, "ResultDesc": "Accepted"}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "Taken.", "content": {"application/json": {"example": _TAKEN}}}
}
_TOKEN_LENGTH_MAX = 200

log = get_logger()

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["webhooks"])


@router.post(
    "/callbacks/{token}",
    responses={
        **_ANSWER,
        **refusals("not_found", "request_timeout", "body_too_large", public=True),
    },
    **PUBLIC,
)
async def take_callback(token: str, request: Request, gateway: Running) -> JSONResponse:
    """A notice on the unguessable path of one call; a path we did not make answers 404."""
    address = gateway.tokens.read(token) if len(token) <= _TOKEN_LENGTH_MAX else None
    if address is None:
        raise Problem("not_found")
    return await _take(request, gateway, address, token)


@router.post(
    "/webhooks/mpesa",
    responses={
        **_ANSWER,
        **refusals("request_timeout", "body_too_large", "too_many_notices", public=True),
    },
    **PUBLIC,
)
async def take_mpesa_webhook(request: Request, gateway: Running) -> JSONResponse:
    """A notice to the general address, which proves nothing about who sent it."""
    source = source_address(request, gateway.settings.trusted_proxies)
    if not gateway.notice_rate.allows(str(source)):
        raise Problem("too_many_notices")
    return await _take(request, gateway, None, "")


async def _take(
    request: Request, gateway: Gateway, address: CallbackAddress | None, token: str
) -> JSONResponse:
    body = await read_body(request, bytes_max=WEBHOOK_BODY_BYTES_MAX)
    notice = _notice(request, gateway, address, token.encode() + b"|" + body)
    new = await gateway.store.take_notice(notice)
    log.info(
        "gateway.notice.taken",
        notice_id=notice.content.notice_id,
        attempt_id=str(address.attempt_id) if address else None,
        source=notice.source,
        source_listed=notice.content.source_listed,
        quarantined=notice.quarantined,
        new=new,
    )
    if new and not notice.quarantined:
        gateway.relay.wake()
    return JSONResponse(_TAKEN)


def _notice(
    request: Request, gateway: Gateway, address: CallbackAddress | None, path_and_body: bytes
) -> Notice:
    settings, now = gateway.settings, gateway.clock.now()
    source = source_address(request, settings.trusted_proxies)
    listed = is_listed(source, settings.mpesa_sources)
    content = ProviderNotice(
        notice_id=gateway.vault.fingerprint(path_and_body, context="notice"),
        provider=MPESA,
        attempt_id=address.attempt_id if address else None,
        purpose=address.purpose if address else None,
        sealed_body=gateway.vault.seal(path_and_body.partition(b"|")[2], context="notice"),
        source_listed=listed,
        received_at=now,
    )
    return Notice(
        content=content,
        source=str(source or UNKNOWN),
        quarantined=settings.sources_enforced and not listed,
        message=outgoing(topics.webhooks(MPESA), content, source=SOURCE, at=now),
    )
