"""Traces that continue through the outbox: a message carries the context in which it was stored.

The relay sends a stored message later, from another task. Therefore the outbox row holds the trace
context with the message, and the record carries it as a header, so the consumer's span is a child
of the request that caused it. Trace context from outside (providers, callers) is never trusted.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("cift")


class JsonLinesExporter(SpanExporter):
    """Writes one JSON object per span to a file, for machines without a collector."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the spans."""
        lines = "".join(json.dumps(json.loads(span.to_json(indent=None))) + "\n" for span in spans)
        with self._lock:
            self._file.write(lines)
            self._file.flush()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()


def start_tracing(
    service: str, *, otlp_endpoint: str | None, file: Path | None, sample_ratio: float
) -> None:
    """Start tracing if there is a destination for spans; otherwise a span costs almost nothing.

    Args:
        service: name shown on spans.
        otlp_endpoint: base address of an OTLP/HTTP collector, None for none.
        file: JSON lines file, None for none.
        sample_ratio: share of new traces that are recorded, 0 to 1.
    """
    exporters: list[SpanExporter] = []
    if otlp_endpoint:
        exporters.append(OTLPSpanExporter(endpoint=otlp_endpoint.rstrip("/") + "/v1/traces"))
    if file:
        exporters.append(JsonLinesExporter(file))
    if not exporters:
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBasedTraceIdRatio(sample_ratio),
    )
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def trace_headers() -> dict[str, str]:
    """The current trace context as headers; empty outside a recorded span."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[Span]:
    """Run a block inside a span; `parent`: the headers stored with a message or an attempt."""
    parent_context = _PROPAGATOR.extract(dict(parent)) if parent else otel_context.get_current()
    with _TRACER.start_as_current_span(
        name, context=parent_context, kind=kind, attributes=dict(attributes or {})
    ) as current:
        yield current


def trace_fields() -> dict[str, str]:
    """Trace and span id for a log line; empty outside a recorded span."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return {}
    return {"trace_id": f"{current.trace_id:032x}", "span_id": f"{current.span_id:016x}"}
