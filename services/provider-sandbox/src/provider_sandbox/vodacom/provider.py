"""M-Pesa Tanzania as one of the imitated providers: routes, scheduled events, faults."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.faults import Fault
from provider_sandbox.scheduler import Handler
from provider_sandbox.twin import FaultAnswer, Operation, Twin
from provider_sandbox.vodacom import accounts, faults, payments
from provider_sandbox.vodacom.control import vodacom_control_router
from provider_sandbox.vodacom.keys import load_or_create
from provider_sandbox.vodacom.routes import vodacom_router


class VodacomProvider:
    """Imitates Vodacom's M-Pesa OpenAPI for Tanzania."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._keys = load_or_create(twin.settings.state.parent)

    def operation(self, _method: str, path: str) -> Operation | None:
        """The operation of a path."""
        return faults.OPERATIONS.get(path)

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The fields of the body, or of the query of a request without a body."""
        if not raw:
            return dict(parse_qsl(scope["query_string"].decode("latin-1")))
        try:
            body = json.loads(raw)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def routers(self) -> list[APIRouter]:
        """The market's routes and ``/control/vodacom``."""
        return [
            vodacom_router(self._twin, self._keys),
            vodacom_control_router(self._twin, self._keys),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of its scheduled events."""
        decide = partial(payments.decide, self._twin)
        return {payments.DECIDE: decide, payments.LATE: decide}

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """Vodacom's answer for a fault."""
        return faults.fault_answer(fault, self._twin.settings)

    def prepare(self) -> None:
        """Create our account."""
        accounts.prepare(self._twin)
