"""Stripe's notices: their signature proves the sender; kept sealed and passed on like others."""

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from cift_shared import topics
from cift_shared.envelope import outgoing
from cift_shared.log import get_logger
from cift_shared.messages import ProviderNotice
from gateway.accept import SOURCE
from gateway.context import Gateway
from gateway.limits import WEBHOOK_BODY_BYTES_MAX, read_body
from gateway.problems import Problem
from gateway.routing import PUBLIC, ApiRoute, Running, refusals
from gateway.sources import UNKNOWN, source_address
from gateway.store import Notice
from gateway.stripe_events import StripeEvent, read_event
from gateway.stripe_signature import SignatureInvalid, verify

STRIPE = "stripe"
_HEADER = "Stripe-Signature"
_REFUSALS = (
    "signature_invalid",
    "webhook_event_invalid",
    "webhook_mode_mismatch",
    "webhook_not_configured",
    "request_timeout",
    "body_too_large",
)

log = get_logger()

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["webhooks"])


@router.post("/webhooks/stripe", responses=refusals(*_REFUSALS, public=True), **PUBLIC)
async def take_stripe_webhook(request: Request, gateway: Running) -> JSONResponse:
    """An event of Stripe, signed; 200 once it is stored, so that Stripe may forget it."""
    secrets = gateway.settings.stripe_webhook_secrets
    if not secrets:
        raise Problem("webhook_not_configured", "STRIPE_WEBHOOK_SECRET is not set.")
    headers = request.headers.getlist(_HEADER)
    if len(headers) != 1:
        raise Problem("signature_invalid", "Send one Stripe-Signature header.")
    body = await read_body(request, bytes_max=WEBHOOK_BODY_BYTES_MAX)
    try:
        verify(body, headers[0], secrets, now_s=gateway.clock.now().timestamp())
    except SignatureInvalid as error:
        raise Problem("signature_invalid", str(error)) from error
    event = read_event(body, livemode=gateway.settings.livemode)
    notice = _notice(request, gateway, event, body)
    new = await gateway.store.take_notice(notice)
    log.info(
        "gateway.notice.taken",
        provider=STRIPE,
        notice_id=notice.content.notice_id,
        event_type=event.type,
        source=notice.source,
        new=new,
    )
    if new:
        gateway.relay.wake()
    return JSONResponse({"received": True})


def _notice(request: Request, gateway: Gateway, event: StripeEvent, body: bytes) -> Notice:
    now = gateway.clock.now()
    content = ProviderNotice(
        notice_id=gateway.vault.fingerprint(
            f"{STRIPE}|{event.event_id}".encode(), context="notice"
        ),
        provider=STRIPE,
        sealed_body=gateway.vault.seal(body, context="notice"),
        source_listed=True,  # the signature proves more than an address could
        received_at=now,
    )
    message = outgoing(topics.webhooks(STRIPE), content, source=SOURCE, at=now)
    source = source_address(request, gateway.settings.trusted_proxies)
    return Notice(
        content=content,
        source=str(source or UNKNOWN),
        quarantined=False,
        message=replace(message, key=event.subject),
    )
