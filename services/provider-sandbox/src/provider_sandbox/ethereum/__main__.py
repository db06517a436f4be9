"""`python -m provider_sandbox.ethereum`: serve the Ethereum node on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

from eth_utils import to_canonical_address
from starlette.types import ASGIApp

from provider_sandbox.ethereum.app import create_app
from provider_sandbox.ethereum.node import Node
from provider_sandbox.ethereum.settings import EthereumSettings
from provider_sandbox.node_rpc.serving import serve


def _prepare() -> tuple[ASGIApp, int]:
    settings = EthereumSettings()
    rich = frozenset(to_canonical_address(one) for one in settings.ethereum_rich.split(",") if one)
    node = Node(chain_id=settings.ethereum_chain_id, rich=rich)
    return create_app(settings, node), settings.http_port


if __name__ == "__main__":
    serve(_prepare, prefix="CIFT_SANDBOX_")
