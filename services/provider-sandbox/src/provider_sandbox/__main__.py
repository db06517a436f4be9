"""``python -m provider_sandbox``: serve the twins on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

import gc
import signal
import sys
from types import FrameType

import uvicorn
from pydantic import ValidationError

from provider_sandbox.app import create_app
from provider_sandbox.log import start_logging
from provider_sandbox.settings import Settings

_KEEP_ALIVE_S = 75
"""Longer than any client keeps an idle connection, so the server never closes one in use."""
_STOP_GRACE_S = 10
"""How long open requests may still take at a stop; a fault may hold a request open for longer."""
_GARBAGE_OBJECTS = 20_000
"""New objects between two garbage collections: Python's default of 700 took a sixth of the CPU."""


def main() -> None:
    """Serve until stopped; a missing or bad setting is printed and ends it with status 2."""
    start_logging()
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            sys.stderr.write(f"CIFT_SANDBOX_{name}: {fault['msg']}\n")
        sys.exit(2)
    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.http_port,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_GRACE_S,
    )
    server = _Server(config)
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, server.handle_exit)
    server.run()


class _Server(uvicorn.Server):
    """uvicorn's server that returns from `run` after a signal instead of raising it again."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server."""
        del sig, frame
        self.should_exit = True


if __name__ == "__main__":
    main()
