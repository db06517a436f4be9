"""Build the twins: shared parts, providers, routes, and the loop of scheduled events."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import httpx
from fastapi import FastAPI

from provider_sandbox.book import Book
from provider_sandbox.clock import Clock
from provider_sandbox.control import control_router
from provider_sandbox.daraja.errors import install_error_pages
from provider_sandbox.daraja.provider import DarajaProvider
from provider_sandbox.fault_middleware import FaultMiddleware
from provider_sandbox.faults import FaultPlan
from provider_sandbox.momo.access import is_configured
from provider_sandbox.momo.errors import install_errors
from provider_sandbox.momo.provider import MomoProvider
from provider_sandbox.paypal.provider import PayPalProvider
from provider_sandbox.request_log import RequestLog
from provider_sandbox.scheduled_events import ScheduledEvents
from provider_sandbox.scheduler import Handler, Scheduler
from provider_sandbox.settings import Settings
from provider_sandbox.store import Store
from provider_sandbox.stripe.provider import StripeProvider
from provider_sandbox.twin import Provider, Twin
from provider_sandbox.vodacom.provider import VodacomProvider
from provider_sandbox.webhook_sender import WebhookSender


def create_app(
    settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None
) -> FaultMiddleware:
    """The twin as an ASGI app; it opens the store now and starts its loop with the lifespan.

    Args:
        settings: the settings of the twin.
        transport: receives the callbacks instead of the network, for tests.
    """
    twin = _open(settings, transport)
    providers = _providers(twin)
    for provider in providers:
        provider.prepare()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        twin.webhook_sender.resume()
        handlers = _handlers(twin, providers)
        loop = asyncio.create_task(Scheduler(twin.store, twin.scheduled_events, handlers).run())
        yield
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await twin.webhook_sender.close()
        twin.store.close()

    app = FastAPI(title="Provider twins", lifespan=lifespan)
    install_error_pages(app)
    install_errors(app)
    app.include_router(control_router(twin, providers))
    for provider in providers:
        for router in provider.routers():
            app.include_router(router)
    return FaultMiddleware(app, twin, providers)


def _providers(twin: Twin) -> Sequence[Provider]:
    providers: list[Provider] = [DarajaProvider(twin)]
    if twin.settings.paypal_client_id and twin.settings.paypal_client_secret.get_secret_value():
        providers.append(PayPalProvider(twin))  # before Stripe, which serves the rest of /v1
    if twin.settings.vodacom_api_key.get_secret_value():
        providers.append(VodacomProvider(twin))
    if is_configured(twin.settings):
        providers.append(MomoProvider(twin))
    if twin.settings.stripe_secret_key is not None:
        providers.append(StripeProvider(twin))
    return providers


def _open(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> Twin:
    store = Store(settings.state)
    clock = Clock(speed=settings.speed, skipped_s=float(store.meta("skipped_s") or 0))
    scheduled_events = ScheduledEvents(store, clock)
    webhook_sender = WebhookSender(
        store, scheduled_events, clock, timeout_s=settings.callback_timeout_s, transport=transport
    )
    noise = random.Random(settings.seed)  # noqa: S311 - noise, not secrecy
    return Twin(
        settings=settings,
        store=store,
        clock=clock,
        scheduled_events=scheduled_events,
        webhook_sender=webhook_sender,
        book=Book(store, clock),
        request_log=RequestLog(store, clock),
        faults=FaultPlan(store, noise),
        noise=noise,
    )


def _handlers(twin: Twin, providers: Sequence[Provider]) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {"deliver": twin.webhook_sender.start}
    for provider in providers:
        handlers.update(provider.handlers())
    return handlers
