"""`python -m provider_sandbox.rates`: serve the markets on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

from starlette.types import ASGIApp

from provider_sandbox.node_rpc.serving import serve
from provider_sandbox.rates.app import create_app
from provider_sandbox.rates.market import Markets
from provider_sandbox.rates.settings import MarketSettings


def _prepare() -> tuple[ASGIApp, int]:
    return create_app(Markets()), MarketSettings().http_port


if __name__ == "__main__":
    serve(_prepare, prefix="CIFT_")
