"""`python -m provider_sandbox.bitcoin`: serve the Bitcoin node on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

import os
import signal

from starlette.types import ASGIApp

from provider_sandbox.bitcoin.app import create_app
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.settings import BitcoinSettings
from provider_sandbox.node_rpc.serving import serve


def _prepare() -> tuple[ASGIApp, int]:
    settings = BitcoinSettings()
    app = create_app(settings, Node(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    return app, settings.http_port


if __name__ == "__main__":
    serve(_prepare, prefix="CIFT_SANDBOX_")
