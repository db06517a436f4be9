"""``python -m provider_sandbox``: the twins on 127.0.0.1."""

import logging
import sys

import uvicorn
from pydantic import ValidationError

from provider_sandbox.app import create_app
from provider_sandbox.settings import Settings

_KEEP_ALIVE_S = 75
"""Longer than any client keeps an idle connection, so that none is cut under a request."""


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
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.http_port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    main()
