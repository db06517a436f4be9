"""`python -m provider_sandbox.ethereum`: serve the Ethereum node on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

from starlette.types import ASGIApp

from provider_sandbox.ethereum.app import create_app
from provider_sandbox.ethereum.node import Node
from provider_sandbox.ethereum.settings import EthereumSettings
from provider_sandbox.node_rpc.serving import serve


def _prepare() -> tuple[ASGIApp, int]:
    settings = EthereumSettings()
    return create_app(settings, Node(chain_id=settings.ethereum_chain_id)), settings.http_port


if __name__ == "__main__":
    serve(_prepare, prefix="CIFT_SANDBOX_")
