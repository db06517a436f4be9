"""The parts that all twins share, and the protocol that each imitated provider implements."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.types import Scope

from provider_sandbox.book import Book
from provider_sandbox.clock import Clock
from provider_sandbox.faults import Fault, FaultPlan
from provider_sandbox.request_log import RequestLog
from provider_sandbox.scheduled_events import ScheduledEvents
from provider_sandbox.scheduler import Handler
from provider_sandbox.settings import Settings
from provider_sandbox.store import Store
from provider_sandbox.webhook_sender import WebhookSender


@dataclass(slots=True, kw_only=True)
class Twin:
    """The shared parts; only ``settings`` is replaced at runtime."""

    settings: Settings
    store: Store
    clock: Clock
    scheduled_events: ScheduledEvents
    webhook_sender: WebhookSender
    book: Book
    request_log: RequestLog
    faults: FaultPlan
    noise: random.Random


@dataclass(frozen=True, slots=True)
class Operation:
    """A provider's operation, by the name that faults and the request log use."""

    name: str
    """Such as ``daraja.stk``."""
    reference: str | None = None
    """Body field with the caller's reference; None for an operation that moves no money."""
    callback: str | None = None
    """Body field with the callback address."""


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """The answer that a fault gives instead of the operation's own."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Exchange:
    """One request in the fault middleware; a handler may add a fault for its own answer."""

    request_number: int | None = None
    """Its number in the request log; None for an operation that moves no money."""
    body: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    operation_fault: Fault | None = None
    """A fault that the operation itself must apply."""


class Provider(Protocol):
    """One provider that this process imitates."""

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a route; None when the path does not belong to this provider."""
        ...

    def read(self, scope: Scope, raw: bytes) -> dict[str, Any]:
        """The request's fields that faults and the request log use."""
        ...

    def routers(self) -> list[APIRouter]:
        """The provider's routes and their control routes."""
        ...

    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of its scheduled events, by kind of event."""
        ...

    def fault_answer(self, fault: Fault) -> FaultAnswer:
        """The provider's answer for a fault that answers."""
        ...

    def prepare(self) -> None:
        """Write the initial state into a new or emptied store."""
        ...
