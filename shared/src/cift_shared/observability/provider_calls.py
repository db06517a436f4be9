"""Record one call to a provider: a span, its duration, and a count by result."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from cift_shared.clock import Clock
from cift_shared.errors import PaymentProcessorError
from cift_shared.observability.metrics import PROVIDER_REQUESTS, PROVIDER_SECONDS
from cift_shared.observability.telemetry import span

_FAILED = "error"


@dataclass(slots=True)
class CallRecord:
    """What is recorded of a call when it ends."""

    result: str | None = None
    """A word for the count; None: `ok`, or `error` if the call ends with an exception."""
    http_status: int | None = None
    """None: there was no answer, or its status says nothing."""


@contextmanager
def recorded_call(provider: str, operation: str, clock: Clock) -> Iterator[CallRecord]:
    """Record the call that the block makes; the block may set what is recorded.

    A `PaymentProcessorError` is counted under its code, whatever the block has set.
    """
    call, began = CallRecord(), clock.monotonic()
    with span(f"{provider}.{operation}", kind=SpanKind.CLIENT) as current:
        try:
            yield call
            call.result = call.result or "ok"
        except PaymentProcessorError as error:
            call.result = error.code
            raise
        finally:
            result = call.result or _FAILED
            current.set_attribute("provider.result", result)
            if call.http_status is not None:
                current.set_attribute("http.response.status_code", call.http_status)
            PROVIDER_SECONDS.labels(provider, operation).observe(clock.monotonic() - began)
            PROVIDER_REQUESTS.labels(provider, operation, result).inc()
