"""What every part of the twin shares, and what a provider's face brings along."""

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
    """The shared parts; only ``settings`` is ever replaced."""

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
    """A provider's route as faults and arrivals name it."""

    name: str
    """Such as ``daraja.stk``."""
    reference: str | None = None
    """Body field with the caller's reference; None when the operation moves no money."""
    callback: str | None = None
    """Body field with the callback address."""


@dataclass(frozen=True, slots=True)
class Canned:
    """A ready answer."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Exchange:
    """One request on its way through the gate; handlers may add a fault to their own answer."""

    arrival: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    inside: Fault | None = None
    """A fault that the operation itself has to play."""


class Face(Protocol):
    """A provider as this process imitates it."""

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation behind a route; None when the path is not this provider's."""
        ...

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """A request's fields as faults and arrivals compare them."""
        ...

    def routers(self) -> list[APIRouter]:
        """The provider's routes and their control routes."""
        ...

    def handlers(self) -> Mapping[str, Handler]:
        """What the agenda may ask of it, by kind of event."""
        ...

    def canned(self, fault: Fault) -> Canned:
        """How this provider words a fault that answers."""
        ...

    def prepare(self) -> None:
        """Put a fresh or emptied store into its first state."""
        ...
