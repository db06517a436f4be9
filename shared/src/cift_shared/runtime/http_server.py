"""Serve a process's HTTP port until SIGTERM or SIGINT."""

import gc
import os
import signal
import threading
from types import FrameType
from typing import Any

import uvicorn

from cift_shared.observability.log import get_logger
from cift_shared.settings import ProcessSettings

HTTP_GRACE_S = 10
STOP_S_MAX = 85.0
"""Time limit from the signal to the end of the process, even if a step hangs."""
GARBAGE_OBJECTS = 20_000
"""New objects between two garbage collections. At Python's own 700 the objects of a request are
examined many times while it is in progress, which took a sixth of each service's CPU."""

log = get_logger()


async def serve(app: Any, settings: ProcessSettings, **options: Any) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT, then return."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=HTTP_GRACE_S,
        lifespan="on",
        **options,
    )
    server = _Server(config)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, server.handle_exit)  # also before and after uvicorn's own handlers
    gc.freeze()  # objects of the start live until the end: the collector can skip them
    gc.set_threshold(GARBAGE_OBJECTS)
    await server.serve()


class _Server(uvicorn.Server):
    """uvicorn's server, but it returns after a signal.

    uvicorn itself raises the signal again after its shutdown, and skips a part of the shutdown
    after a second SIGINT. Here the later steps (draining the outbox, closing connections) always
    run, or the process ends after `STOP_S_MAX`.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; this logs nothing, because a signal handler may interrupt a write to the log."""
        del sig, frame
        if not self.should_exit:
            last = threading.Timer(STOP_S_MAX, _give_up)
            last.daemon = True
            last.start()
        self.should_exit = True


def _give_up() -> None:
    """End a process whose stop hangs; runs in a separate thread."""
    log.error("service.stop_hangs", ended_after_s=STOP_S_MAX)
    os._exit(1)
