"""The Stripe twin as one face: its routes, its scheduled events, its faults."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.faults import Fault
from provider_sandbox.scheduler import Handler
from provider_sandbox.stripe import (
    challenges,
    disputes,
    events,
    faults,
    form,
    operations,
    outcomes,
    paying,
    payment_intents,
    refunds,
)
from provider_sandbox.stripe.control import stripe_control_router
from provider_sandbox.stripe.desk import Desk
from provider_sandbox.stripe.idempotency import Keys
from provider_sandbox.stripe.ids import Ids
from provider_sandbox.stripe.objects import Objects
from provider_sandbox.stripe.pages import pages_router
from provider_sandbox.stripe.routes import stripe_router
from provider_sandbox.twin import Canned, Operation, Twin


class StripeFace:
    """The face of Stripe (cards)."""

    def __init__(self, twin: Twin) -> None:
        self._desk = Desk(twin, Objects(twin.store), Ids(twin.store, twin.settings.seed))
        self._keys = Keys(twin)
        twin.courier.senders[events.PROVIDER] = events.Post(self._desk)

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
            stripe_router(self._desk, self._keys),
            pages_router(self._desk),
            stripe_control_router(self._desk),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of Stripe's scheduled events."""
        effects = {
            "stripe.settle": payment_intents.settle,
            paying.PROCESSED: paying.processed,
            challenges.DECIDE: outcomes.from_agenda,
            refunds.END: refunds.end,
            disputes.OPEN: disputes.from_agenda,
        }
        return {kind: partial(effect, self._desk) for kind, effect in effects.items()}

    def canned(self, fault: Fault) -> Canned:
        """Stripe's answer for a fault."""
        return faults.canned(fault)

    def prepare(self) -> None:
        """Do nothing: a new account needs no initial state."""
