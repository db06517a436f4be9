"""Stripe as one of the imitated providers: its routes, its scheduled events, its faults."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.faults import Fault
from provider_sandbox.scheduler import Handler
from provider_sandbox.stripe import (
    challenges,
    confirmation,
    disputes,
    events,
    faults,
    form,
    operations,
    outcomes,
    payment_intents,
    refunds,
)
from provider_sandbox.stripe.control import stripe_control_router
from provider_sandbox.stripe.idempotency import Keys
from provider_sandbox.stripe.ids import Ids
from provider_sandbox.stripe.objects import Objects
from provider_sandbox.stripe.pages import pages_router
from provider_sandbox.stripe.request_context import RequestContext
from provider_sandbox.stripe.routes import stripe_router
from provider_sandbox.twin import FaultAnswer, Operation, Twin


class StripeProvider:
    """Imitates Stripe (cards)."""

    def __init__(self, twin: Twin) -> None:
        self._context = RequestContext(
            twin, Objects(twin.store), Ids(twin.store, twin.settings.seed)
        )
        self._keys = Keys(twin)
        twin.webhook_sender.hooks[events.PROVIDER] = events.SignedDelivery(self._context)

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a path under ``/v1``."""
        found = operations.find(method, path)
        if found is None:
            return None
        route, _ = found
        return Operation(route.name, reference="Idempotency-Key" if route.moves_money else None)

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The request's fields (names with brackets), its idempotency key, the id of its path."""
        sent = scope["query_string"] if scope["method"] == "GET" else raw
        named: dict[str, Any] = dict(form.pairs(sent.decode("utf-8", "replace")))
        for name, value in scope["headers"]:
            if name == b"idempotency-key":
                named["Idempotency-Key"] = value.decode("latin-1")
        found = operations.find(scope["method"], scope["path"])
        if found is not None and found[1]:
            named["id"] = found[1][0]
        return named

    def routers(self) -> list[APIRouter]:
        """Stripe's routes, the browser pages, and ``/control/stripe``."""
        return [
            stripe_router(self._context, self._keys),
            pages_router(self._context),
            stripe_control_router(self._context),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of Stripe's scheduled events."""
        effects = {
            "stripe.settle": payment_intents.settle,
            confirmation.PROCESSED: confirmation.processed,
            challenges.DECIDE: outcomes.from_schedule,
            refunds.END: refunds.end,
            disputes.OPEN: disputes.from_schedule,
        }
        return {kind: partial(effect, self._context) for kind, effect in effects.items()}

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """Stripe's answer for a fault."""
        return faults.fault_answer(fault)

    def prepare(self) -> None:
        """Do nothing: a new account needs no initial state."""
