"""MTN MoMo as one of the imitated providers: its routes, its scheduled events, its faults."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.faults import Fault
from provider_sandbox.momo import accounts, faults, operations, transactions
from provider_sandbox.momo.control import momo_control_router
from provider_sandbox.momo.routes import momo_router
from provider_sandbox.scheduler import Handler
from provider_sandbox.twin import FaultAnswer, Operation, Twin

_HEADERS = {
    b"x-reference-id": "X-Reference-Id",
    b"x-callback-url": "X-Callback-Url",
    b"x-target-environment": "X-Target-Environment",
}


class MomoProvider:
    """Imitates MTN MoMo in Uganda, in Rwanda and in MTN's sandbox."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a path that belongs to MTN."""
        return operations.find(method, path)

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The fields of the body and of MTN's headers; a fault can match any of them."""
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        named: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
        for name, value in scope["headers"]:
            if name in _HEADERS:
                named[_HEADERS[name]] = value.decode("latin-1")
        return named

    def routers(self) -> list[APIRouter]:
        """MTN's routes and ``/control/momo``."""
        return [momo_router(self._twin), momo_control_router(self._twin)]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of MTN's scheduled events."""
        effects = {
            transactions.DECIDE: transactions.decide,
            transactions.FORGED: transactions.forge,
        }
        return {kind: partial(effect, self._twin) for kind, effect in effects.items()}

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """MTN's answer for a fault."""
        return faults.fault_answer(fault)

    def prepare(self) -> None:
        """Create the accounts."""
        accounts.prepare(self._twin)
