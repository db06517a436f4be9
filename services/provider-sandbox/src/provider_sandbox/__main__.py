"""``python -m provider_sandbox``: the twins on 127.0.0.1."""

import gc
import logging
import sys

import uvicorn
from pydantic import ValidationError

from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings

_KEEP_ALIVE_S = 75
"""Longer than any client keeps an idle connection, so that none is cut under a request."""
_GARBAGE_OBJECTS = 20_000
"""New objects between two looks for cycles: Python's own 700 took a sixth of the CPU."""


def main() -> None:
    """Serve until stopped; a missing or bad setting ends it with its name and status 2."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
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
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.http_port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    main()
