"""Assemble the gateway: routes, middleware, and the background tasks."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from cift_shared.clock import Clock, SystemClock
from cift_shared.errors import InvalidCommand, RateStale
from cift_shared.ids import IdFactory, SystemIds
from cift_shared.kafka.broker import BatchBroker
from cift_shared.money.fees import load_schedule
from cift_shared.rails.gateway import RailSettings, gateway_rails, load_rail_settings
from cift_shared.rails.webhooks import WebhookRefused
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.rate_reader import RateReader
from cift_shared.runtime.service import Base, open_base, running
from gateway.conversions import batch_endpoints as conversion_batches
from gateway.conversions import endpoints as conversions
from gateway.customers import endpoints as customers
from gateway.database.notifications import PaymentSignals
from gateway.disputes import endpoints as disputes
from gateway.http.middleware import Observe
from gateway.http.server_protocol import STOP
from gateway.ledger_head import endpoints as ledger_head
from gateway.openapi.document import describe
from gateway.operations import endpoints as operations
from gateway.operations.retention import Retention
from gateway.parts import build_parts
from gateway.payment_methods import endpoints as payment_methods
from gateway.payment_methods.results import MethodResultsHandler, consume_method_results
from gateway.payment_options import endpoints as payment_options
from gateway.payment_options.statuses import RailStatusHandler, consume_rail_statuses
from gateway.payments import batch_endpoints as payment_batches
from gateway.payments import endpoints as payments
from gateway.payments import refund_endpoints as refunds
from gateway.payments import verify_endpoints as verifications
from gateway.problems.problem import Problem, answer_error
from gateway.quotes import endpoints as quotes
from gateway.returns import endpoints as returns
from gateway.settings import GatewaySettings
from gateway.webhooks.endpoints import webhook_router

SCHEMA = "gateway"
ROLE = "cift_gateway"
USES = ("ledger", "rates")
"""Schemas of other services that the gateway uses."""
VERSION = "1.0.0"
DESCRIPTION = (
    "Deposits, withdrawals and refunds over one API. Amounts are decimal text; every POST that "
    "moves money needs an Idempotency-Key; refusals are problem documents with a stable code."
)

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's tracing trusts the client's trace context and records URL paths, which may contain
callback tokens; `Observe` does neither."""

FEATURES = (
    payments,
    payment_batches,
    verifications,
    refunds,
    payment_options,
    quotes,
    payment_methods,
    customers,
    conversions,
    conversion_batches,
    disputes,
    ledger_head,
    returns,
    operations,
)
"""Modules of endpoints, in the order of the OpenAPI document."""
ANSWERED_ERRORS = (
    Problem,
    InvalidCommand,
    RateStale,
    WebhookRefused,
    RequestValidationError,
    HTTPException,
)
"""Errors that become problem documents."""

ConsumeMethodResults = Callable[
    [MethodResultsHandler, Base], AbstractAsyncContextManager[BatchBroker | None]
]
"""Consumes workers' results about saved methods while the application runs."""
ConsumeRailStatuses = Callable[
    [RailStatusHandler, Base], AbstractAsyncContextManager[BatchBroker | None]
]
"""Consumes workers' reports about their rails while the application runs."""


@dataclass(frozen=True, slots=True)
class Consumers:
    """The consumers of the workers' topics; tests can replace them."""

    method_results: ConsumeMethodResults = consume_method_results
    rail_statuses: ConsumeRailStatuses = consume_rail_statuses


OpenBase = Callable[[GatewaySettings], AbstractAsyncContextManager[Base]]


def open_gateway_base(settings: GatewaySettings) -> AbstractAsyncContextManager[Base]:
    """Open the pool and the relay of the gateway's schema, in the gateway's role."""
    return open_base(settings, schema=SCHEMA, role=ROLE, uses=USES)


def create_app(
    settings: GatewaySettings,
    *,
    rail_settings: Mapping[str, RailSettings] | None = None,
    open_base: OpenBase = open_gateway_base,
    clock: Clock | None = None,
    ids: IdFactory | None = None,
    consumers: Consumers | None = None,
) -> FastAPI:
    """The application; its lifespan opens the database pool, the relay and the listeners.

    Args:
        settings: of the gateway.
        rail_settings: of each installed rail, by name; read from the environment by default.
        open_base: opens pool and relay.
        clock: the time.
        ids: creates ids.
        consumers: of the workers' topics.

    Raises:
        SettingsInvalid: the price list or the rate table can't be read, or a rail's setting is
            wrong.
    """
    clock, ids = clock or SystemClock(), ids or SystemIds()
    consumers = consumers or Consumers()
    loaded = load_rail_settings() if rail_settings is None else rail_settings
    by_rail = {name: rail.checked(settings.mode) for name, rail in loaded.items()}
    load_schedule(settings.fee_schedule, settings.rate_table)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with open_base(settings) as base:
            parts = app.state.parts = build_parts(settings, by_rail, base, clock, ids)
            signals = parts[PaymentSignals]
            method_results = (
                consumers.method_results(parts[MethodResultsHandler], base)
                if _keeps_at_provider(by_rail)
                else nullcontext()  # no worker sends results about saved methods
            )
            async with (
                running([signals, parts[Retention], parts[RateReader]], after=base.readiness.wait),
                method_results as results_broker,
                consumers.rail_statuses(parts[RailStatusHandler], base) as statuses_broker,
            ):
                app.state.operations.watch([base.readiness], [results_broker, statuses_broker])
                yield {STOP: signals.stop}

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
    app.state.operations = Operations()
    for router in (*(feature.router for feature in FEATURES), webhook_router()):
        app.include_router(router)
    for error in ANSWERED_ERRORS:
        app.add_exception_handler(error, answer_error)
    app.add_middleware(Observe, clock=clock, ids=ids)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def _keeps_at_provider(by_rail: Mapping[str, RailSettings]) -> bool:
    """True if a rail that is set up here saves instruments at its provider."""
    offered = (gateway_rails()[name] for name, rail in by_rail.items() if rail.is_offered)
    return any(rail.keeps_at_provider for rail in offered)


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
