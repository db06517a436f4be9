"""The context of the PayPal face: the twin, its objects, and the current request."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provider_sandbox.paypal.certificates import Signer
from provider_sandbox.paypal.errors import Link, unknown_id
from provider_sandbox.paypal.ids import Ids
from provider_sandbox.paypal.objects import Objects, Record
from provider_sandbox.twin import Twin


@dataclass(slots=True, kw_only=True)
class Call:
    """One request."""

    operation: str
    """Its id in PayPal's description, such as ``orders.capture``."""
    path: tuple[str, ...] = ()
    """Ids in the path, from left to right."""
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    wants_all: bool = False
    """Whether the caller asked for the whole resource (``Prefer: return=representation``)."""
    request_id: str | None = None
    """``PayPal-Request-Id``."""
    about: str | None = None
    """The object that a repeat of this request shows; set by the operation."""
    held: list[int] = field(default_factory=list)
    """Callbacks to deliver before the answer."""


@dataclass(slots=True)
class RequestContext:
    """Shared parts of this face; ``call`` is set only while an operation runs, without awaits."""

    twin: Twin
    objects: Objects
    ids: Ids
    signer: Signer
    call: Call | None = None

    def time(self) -> str:
        """The current time as PayPal writes it."""
        return written(self.twin.clock.now())

    def base(self) -> str:
        """The address of this process, as callers and browsers reach it."""
        settings = self.twin.settings
        return settings.paypal_public_url.rstrip("/") or f"http://127.0.0.1:{settings.http_port}"

    def link(self, rel: str, path: str, method: str = "GET") -> Link:
        """A link of an answer."""
        return {"href": f"{self.base()}{path}", "rel": rel, "method": method}

    def find(self, kind: str, name: str, operation: str) -> Record:
        """The object with this id.

        Raises:
            PayPalError: HTTP 404, no object of this kind has the id.
        """
        record = self.objects.get(kind, name)
        if record is None:
            raise unknown_id(operation)
        return record

    def later(self, kind: str, record: Record, *, after_s: float, **more: Any) -> None:
        """Schedule an event about an object."""
        self.twin.scheduled_events.add(kind, {"id": record.id, **more}, after_s=after_s)

    def no_longer(self, kind: str, record: Record) -> None:
        """Remove the scheduled events of a kind about an object."""
        self.twin.scheduled_events.cancel(kind, record.id)


def written(at: float) -> str:
    """A Unix time as PayPal writes it, in whole seconds of UTC."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
