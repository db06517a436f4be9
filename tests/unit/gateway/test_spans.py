import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app import create_app
from tests.support.gateway import settings_for

STRANGERS_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_the_framework_makes_no_spans_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its spans would hold paths, hence callback tokens, and begin in the caller's trace."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    transport = httpx.ASGITransport(create_app(settings_for("postgresql://nowhere/none")))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
        headers = {"traceparent": STRANGERS_TRACE}
        answer = await http.get("/api/v1/callbacks/a-token", headers=headers)
    assert answer.status_code == 405
    assert kept.get_finished_spans() == ()
