"""The operations port of a process: health, readiness and metrics, apart from any public port.

`/healthz` says that none of its consumers has ended: a supervisor restarts the process otherwise.
`/readyz` says that it can work now (database, schema, name): a balancer sends requests then.
`/metrics` is everything measured, in the Prometheus text format.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from faststream.asgi import AsgiFastStream, AsgiResponse, get

from cift_shared.kafka.broker import BatchBroker
from cift_shared.observability import metrics
from cift_shared.runtime.readiness import Readiness

_STARTING = "the process is starting"
_STOPPING = "the process is stopping"


class Operations:
    """What a process reports about itself; until `watch` has named its parts, it is starting."""

    def __init__(self) -> None:
        self._units: list[Readiness] = []
        self._brokers: list[BatchBroker] = []
        self._is_stopping = False

    def watch(self, units: Sequence[Readiness], brokers: Sequence[BatchBroker | None]) -> None:
        """Report about these from now on; the process is ready when every unit is."""
        self._units += units
        self._brokers += filter(None, brokers)

    def stop(self) -> None:
        """The process takes no new work: it is not ready any more."""
        self._is_stopping = True

    def dead_consumers(self) -> list[str]:
        """Names of the consumers that have ended; empty in a healthy process."""
        return [task for broker in self._brokers for task in broker.dead_tasks()]

    async def problem(self) -> str | None:
        """Why the process can't work, each reason once; None: every unit can work."""
        if self._is_stopping:
            return _STOPPING
        if not self._units:
            return _STARTING
        problems = await asyncio.gather(*(unit.problem() for unit in self._units))
        return "; ".join(dict.fromkeys(filter(None, problems))) or None

    def app(self) -> AsgiFastStream:
        """An application with nothing but the routes, for a process that serves another one."""
        return AsgiFastStream(logger=None, asgi_routes=self.routes())

    def routes(self) -> list[tuple[str, Any]]:
        """The paths and what answers them."""

        @get(include_in_schema=False)
        async def healthz(_: Any) -> AsgiResponse:
            dead = self.dead_consumers()
            return _json({"status": "failing" if dead else "ok", "dead": dead}, bad=bool(dead))

        @get(include_in_schema=False)
        async def readyz(_: Any) -> AsgiResponse:
            problem = await self.problem()
            if problem is None:
                return _json({"status": "ok"}, bad=False)
            return _json({"status": "not_ready", "detail": problem}, bad=True)

        @get(include_in_schema=False)
        async def measured(_: Any) -> AsgiResponse:
            body, content_type = metrics.exposition()
            return AsgiResponse(body, 200, {"content-type": content_type})

        return [("/healthz", healthz), ("/readyz", readyz), ("/metrics", measured)]


def _json(body: dict[str, Any], *, bad: bool) -> AsgiResponse:
    return AsgiResponse(
        json.dumps(body).encode(), 503 if bad else 200, {"content-type": "application/json"}
    )
