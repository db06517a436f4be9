"""The PayPal twin as one face: its routes, its scheduled events, its faults."""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.faults import Fault
from provider_sandbox.paypal import (
    captures,
    certificates,
    disputes,
    events,
    faults,
    ledger,
    operations,
    orders,
    payout_items,
    payouts,
    refunds,
)
from provider_sandbox.paypal.control import paypal_control_router
from provider_sandbox.paypal.ids import Ids
from provider_sandbox.paypal.objects import Objects
from provider_sandbox.paypal.pages import pages_router
from provider_sandbox.paypal.request_context import RequestContext
from provider_sandbox.paypal.request_ids import RequestIds
from provider_sandbox.paypal.routes import paypal_router
from provider_sandbox.scheduler import Handler
from provider_sandbox.twin import FaultAnswer, Operation, Twin


class PayPalProvider:
    """The face of PayPal (wallet payments and payouts)."""

    def __init__(self, twin: Twin) -> None:
        signer = certificates.load_or_create(twin.settings.state.parent)
        ids = Ids(twin.store, twin.settings.seed)
        self._context = RequestContext(twin, Objects(twin.store), ids, signer)
        self._request_ids = RequestIds(twin)
        twin.webhook_sender.hooks[events.PROVIDER] = events.Post(self._context)

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a path that belongs to PayPal."""
        if path == operations.TOKEN_PATH:
            return Operation(operations.TOKEN_NAME)
        found = operations.find(method, path)
        if found is None:
            return None
        key = found[0].key
        moves = key in operations.MOVES_MONEY
        return Operation(found[0].name, reference="PayPal-Request-Id" if moves else None)

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The body's fields by their own names, the request id, and the id of the path."""
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        named: dict[str, Any] = dict(events.leaves(body)) if isinstance(body, dict) else {}
        for name, value in scope["headers"]:
            if name == b"paypal-request-id":
                named["PayPal-Request-Id"] = value.decode("latin-1")
        found = operations.find(scope["method"], scope["path"])
        if found is not None and found[1]:
            named["id"] = found[1][0]
        return named

    def routers(self) -> list[APIRouter]:
        """PayPal's routes, the approval page, and ``/control/paypal``."""
        return [
            paypal_router(self._context, self._request_ids),
            pages_router(self._context),
            paypal_control_router(self._context),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of PayPal's scheduled events."""
        effects = {
            orders.PAYER_DECIDES: orders.payer_decides,
            orders.TIME_IS_UP: orders.end_time,
            captures.END: captures.end_later,
            captures.DISPUTE_OPENS: disputes.open_later,
            refunds.END: refunds.end_later,
            payouts.PROCESS: payouts.process,
            payout_items.NEXT: payout_items.advance_later,
        }
        return {kind: partial(effect, self._context) for kind, effect in effects.items()}

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """PayPal's answer for a fault."""
        return faults.fault_answer(self._context.twin, fault)

    def prepare(self) -> None:
        """Give a new account its balance."""
        if ledger.balances(self._context):
            return
        for currency, amount in self._context.twin.settings.paypal_balance.items():
            ledger.set_balance(self._context, currency, Decimal(amount))
