"""HTTP endpoints for the operation of a consumer service: health, readiness, metrics."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from faststream.asgi import AsgiResponse, get

from cift_shared.kafka.broker import BatchBroker
from cift_shared.observability import metrics
from cift_shared.runtime.readiness import Readiness


def operations(
    units: Sequence[Readiness], broker: BatchBroker | None = None
) -> list[tuple[str, Any]]:
    """The routes of a process; it is ready when every one of its units is."""

    @get(include_in_schema=False)
    async def healthz(_: Any) -> AsgiResponse:
        dead = broker.dead_tasks() if broker is not None else []
        return _json({"status": "failing" if dead else "ok", "dead": dead}, bad=bool(dead))

    @get(include_in_schema=False)
    async def readyz(_: Any) -> AsgiResponse:
        problem = await problem_of(units)
        if problem is None:
            return _json({"status": "ok"}, bad=False)
        return _json({"status": "not_ready", "detail": problem}, bad=True)

    @get(include_in_schema=False)
    async def measured(_: Any) -> AsgiResponse:
        body, content_type = metrics.exposition()
        return AsgiResponse(body, 200, {"content-type": content_type})

    return [("/healthz", healthz), ("/readyz", readyz), ("/metrics", measured)]


async def problem_of(units: Sequence[Readiness]) -> str | None:
    """Why the process can't work, each reason once; None: every unit can work."""
    problems = await asyncio.gather(*(unit.problem() for unit in units))
    return "; ".join(dict.fromkeys(filter(None, problems))) or None


def _json(body: dict[str, Any], *, bad: bool) -> AsgiResponse:
    return AsgiResponse(
        json.dumps(body).encode(), 503 if bad else 200, {"content-type": "application/json"}
    )
