"""What a Stripe operation works with: the shared parts, Stripe's objects, the current request."""

import copy
from dataclasses import dataclass, field
from typing import Any

from provider_sandbox.stripe.errors import missing
from provider_sandbox.stripe.ids import Ids
from provider_sandbox.stripe.objects import Objects, Record
from provider_sandbox.twin import Twin


@dataclass(slots=True, kw_only=True)
class Call:
    """One request."""

    request_id: str
    idempotency_key: str | None = None
    publishable: bool = False
    """True when it was made with the publishable key, as a paying client does."""
    path: tuple[str, ...] = ()
    """Ids in the path, from left to right."""
    params: dict[str, Any] = field(default_factory=dict)
    early_callbacks: list[int] = field(default_factory=list)
    """Callbacks to deliver before the answer."""


@dataclass(slots=True)
class RequestContext:
    """Passed to every operation; ``call`` is set only while an operation runs, without awaits."""

    twin: Twin
    objects: Objects
    ids: Ids
    call: Call | None = None

    def now(self) -> int:
        """The current time, in whole seconds since 1970."""
        return int(self.twin.clock.now())

    def find(self, kind: str, name: str, *, param: str) -> Record:
        """The object with this id.

        Raises:
            StripeError: HTTP 404, no object of this kind has the id.
        """
        record = self.objects.get(name)
        if record is None or record.body["object"] != kind:
            raise missing(kind, name, param=param)
        return record

    def later(self, kind: str, record: Record, *, after_s: float, **more: Any) -> None:
        """Schedule an event about an object."""
        self.twin.scheduled_events.add(kind, {"id": record.id, **more}, after_s=after_s)


def snapshot(record: Record) -> dict[str, Any]:
    """A copy of the object's current body; later changes don't affect it."""
    return copy.deepcopy(record.body)
