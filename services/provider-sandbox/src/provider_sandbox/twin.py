"""The parts that the whole twin shares, and the protocol that each provider's face implements."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.agenda import Agenda
from provider_sandbox.arrivals import Arrivals
from provider_sandbox.book import Book
from provider_sandbox.clock import Clock
from provider_sandbox.courier import Courier
from provider_sandbox.faults import Fault, FaultPlan
from provider_sandbox.scheduler import Handler
from provider_sandbox.settings import Settings
from provider_sandbox.store import Store


@dataclass(slots=True, kw_only=True)
class Twin:
    """The shared parts; only ``settings`` is replaced at runtime."""

    settings: Settings
    store: Store
    clock: Clock
    agenda: Agenda
    courier: Courier
    book: Book
    arrivals: Arrivals
    faults: FaultPlan
    noise: random.Random


@dataclass(frozen=True, slots=True)
class Operation:
    """A provider's operation, by the name that faults and arrivals use."""

    name: str
    """Such as ``daraja.stk``."""
    reference: str | None = None
    """Body field with the caller's reference; None for an operation that moves no money."""
    callback: str | None = None
    """Body field with the callback address."""


@dataclass(frozen=True, slots=True)
class Canned:
    """A prepared answer of a fault."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Exchange:
    """One request in the gate; a handler may add a fault for its own answer."""

    arrival: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    inside: Fault | None = None
    """A fault that the operation itself must apply."""


class Face(Protocol):
    """One provider that this process imitates."""

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a route; None when the path does not belong to this provider."""
        ...

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The request's fields that faults and arrivals compare."""
        ...

    def routers(self) -> list[APIRouter]:
        """The provider's routes and their control routes."""
        ...

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of its scheduled events, by kind of event."""
        ...

    def canned(self, fault: Fault) -> Canned:
        """The provider's answer for a fault that answers."""
        ...

    def prepare(self) -> None:
        """Write the initial state into a new or emptied store."""
        ...
