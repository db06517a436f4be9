"""The gateway, put together: routes, layers, and what runs beside them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import InvalidCommand
from cift_shared.fees import load_schedule
from cift_shared.ids import IdFactory, SystemIds
from cift_shared.kafka.broker import BatchBroker
from cift_shared.rates import RateSource, RateTable, load_rates
from cift_shared.service import Base, open_base, running
from gateway.auth import Authenticator
from gateway.books import CustomerBooks
from gateway.context import Gateway
from gateway.disputes import Disputes
from gateway.events import PaymentSignals
from gateway.housekeeping import Housekeeping
from gateway.http_protocol import STOP
from gateway.limits import Slots, SourceRate
from gateway.method_results import MethodResultsHandler, hearing
from gateway.observe import Observe
from gateway.problems import Problem, answer_error
from gateway.quotes import Quotes
from gateway.replies import (
    ProblemOut,
)
from gateway.routes import (
    conversions,
    customers,
    disputes,
    fees,
    ledger,
    methods,
    operations,
    payments,
    refunds,
    stripe_webhook,
    webhooks,
)
from gateway.saved_methods import SavedMethods
from gateway.settings import GatewaySettings
from gateway.store import Store

SCHEMA = "gateway"
ROLE = "cift_gateway"
VERSION = "1.0.0"
DESCRIPTION = (
    "Deposits, withdrawals and refunds over one API. Amounts are decimal text; every POST that "
    "moves money needs an Idempotency-Key; refusals are problem documents with a stable code."
)

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own would believe a stranger's trace context and put paths, which may hold a
callback token, on its spans; `Observe` does neither."""

Hear = Callable[[MethodResultsHandler, Base], AbstractAsyncContextManager[BatchBroker | None]]
"""Reads workers' answers about saved methods beside the application."""
OpenBase = Callable[[GatewaySettings], AbstractAsyncContextManager[Base]]


def open_gateway_base(settings: GatewaySettings) -> AbstractAsyncContextManager[Base]:
    """Pool and relay of the gateway's schema, in its role."""
    return open_base(settings, schema=SCHEMA, role=ROLE)


def create_app(
    settings: GatewaySettings,
    *,
    open_base: OpenBase = open_gateway_base,
    clock: Clock | None = None,
    ids: IdFactory | None = None,
    hear: Hear = hearing,
) -> FastAPI:
    """The application; its lifespan opens the database, the relay and the listeners.

    Raises:
        SettingsInvalid: the price list or the rate table can't be read.
    """
    clock, ids = clock or SystemClock(), ids or SystemIds()
    load_schedule(settings.fee_schedule, settings.rate_table)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with open_base(settings) as base:
            gateway = build_gateway(settings, base, clock, ids)
            app.state.gateway = gateway
            tidying = Housekeeping(gateway.store, gateway.quotes, gateway.methods, clock)
            async with (
                running([gateway.signals, tidying]),
                _answers(hear, gateway, base) as app.state.broker,
            ):
                yield {STOP: gateway.signals.stop}

    app = FastAPI(
        title="CIFT Payments",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    for part in (
        payments,
        refunds,
        fees,
        methods,
        customers,
        conversions,
        disputes,
        ledger,
        webhooks,
        stripe_webhook,
        operations,
    ):
        app.include_router(part.router)
    for error in (Problem, InvalidCommand, RequestValidationError, HTTPException):
        app.add_exception_handler(error, answer_error)
    app.add_middleware(Observe, clock=clock, ids=ids)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def _answers(
    hear: Hear, gateway: Gateway, base: Base
) -> AbstractAsyncContextManager[BatchBroker | None]:
    """The answers about saved cards; without cards nobody sends any."""
    if not gateway.settings.cards_offered:
        return nullcontext()
    return hear(
        MethodResultsHandler(gateway.methods, gateway.clock, wake_relay=base.relay.wake), base
    )


def build_gateway(settings: GatewaySettings, base: Base, clock: Clock, ids: IdFactory) -> Gateway:
    """What handlers work with, over an open base."""
    store, vault = Store(base.pool), settings.vault()
    return Gateway(
        settings=settings,
        store=store,
        books=CustomerBooks(base.pool),
        quotes=Quotes(base.pool),
        methods=SavedMethods(base.pool),
        disputes=Disputes(base.pool),
        relay=base.relay,
        signals=PaymentSignals(settings.database_url.get_secret_value()),
        authenticator=Authenticator(
            store.api_key, vault=vault, livemode=settings.livemode, clock=clock
        ),
        vault=vault,
        tokens=settings.callback_tokens(),
        fees=load_schedule(settings.fee_schedule, settings.rate_table),
        rates=_conversion_rates(settings),
        slots=Slots(settings.streams_per_key),
        key_rate=SourceRate(settings.requests_per_second, clock),
        notice_rate=SourceRate(settings.notices_per_second, clock),
        clock=clock,
        ids=ids,
    )


def _conversion_rates(settings: GatewaySettings) -> RateSource:
    if settings.livemode and settings.rate_table is None:
        # the shipped table is as old as the release: nobody's money is exchanged at it
        return RateTable("none", ())
    return load_rates(settings.rate_table)


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        parts = document.setdefault("components", {})
        problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        parts["schemas"] |= {**problem.pop("$defs"), "ProblemOut": problem}
        parts["securitySchemes"] = {"api_key": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = document
    return app.openapi_schema
