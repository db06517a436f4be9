"""`python -m provider_sandbox.vault`: serve the engine on 127.0.0.1."""

from provider_sandbox.stopping import end_at_signals

if __name__ == "__main__":
    end_at_signals()  # before the slow imports

from starlette.types import ASGIApp

from provider_sandbox.node_rpc.serving import serve
from provider_sandbox.vault.app import create_app
from provider_sandbox.vault.engine import Engine
from provider_sandbox.vault.settings import VaultSettings


def _prepare() -> tuple[ASGIApp, int]:
    settings = VaultSettings()
    engine = Engine(settings.vault_token.get_secret_value(), [settings.vault_key])
    return create_app(engine), settings.http_port


if __name__ == "__main__":
    serve(_prepare, prefix="CIFT_SANDBOX_")
