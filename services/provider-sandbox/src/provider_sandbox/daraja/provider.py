"""Daraja as one of the imitated providers: its routes, its scheduled events, its faults."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.daraja import accounts, b2c, balance, faults, reversal, status, stk
from provider_sandbox.daraja.control import daraja_control_router
from provider_sandbox.daraja.credential import load_or_create
from provider_sandbox.daraja.routes import daraja_router
from provider_sandbox.faults import Fault
from provider_sandbox.scheduler import Handler
from provider_sandbox.twin import FaultAnswer, Operation, Twin


class DarajaProvider:
    """Imitates Safaricom Daraja (M-Pesa Kenya)."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._keys = load_or_create(twin.settings.state.parent)

    def operation(self, _method: str, path: str) -> Operation | None:
        """The operation of a path."""
        return faults.OPERATIONS.get(path)

    def read(self, _scope: Scope, raw: bytes) -> dict[str, Any]:
        """The JSON object in the body; empty when the body is not a JSON object."""
        try:
            body = json.loads(raw)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def routers(self) -> list[APIRouter]:
        """Daraja's routes and ``/control/daraja``."""
        return [
            daraja_router(self._twin, self._keys),
            daraja_control_router(self._twin, self._keys),
        ]

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of Daraja's scheduled events."""
        effects = {
            stk.DECIDE: stk.decide,
            b2c.DECIDE: b2c.decide,
            b2c.FORGED: b2c.forge,
            b2c.QUEUE_TIMEOUT: b2c.time_out,
            status.OPERATION: status.execute,
            reversal.OPERATION: reversal.execute,
            balance.OPERATION: balance.execute,
        }
        return {kind: partial(effect, self._twin) for kind, effect in effects.items()}

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """Daraja's answer for a fault."""
        return faults.fault_answer(fault, self._twin.settings)

    def prepare(self) -> None:
        """Create the accounts."""
        accounts.prepare(self._twin)
