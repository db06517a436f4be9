"""The gateway process: read the settings, then serve until SIGTERM."""

import uvloop
from fastapi import FastAPI

from cift_shared.addresses import check_listens
from cift_shared.runtime.http_server import serve, serving
from cift_shared.runtime.instance import instance_held
from cift_shared.runtime.operations import Operations
from cift_shared.runtime.service import start_observing
from cift_shared.settings import load_settings
from gateway.app import ROLE, SCHEMA, create_app
from gateway.http.server_protocol import BoundedHttpProtocol
from gateway.settings import GatewaySettings


def main() -> None:
    """Read the settings and serve.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or a port is taken.
    """
    settings = load_settings(GatewaySettings).checked()
    check_listens("CIFT_HTTP", settings.http_host, settings.http_port)
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    app = create_app(settings)
    start_observing("gateway", settings)
    uvloop.run(_serve(app, settings))


async def _serve(app: FastAPI, settings: GatewaySettings) -> None:
    operations: Operations = app.state.operations
    async with (
        instance_held("gateway", settings, schema=SCHEMA, role=ROLE),
        serving(operations.app(), settings.ops_host, settings.ops_port),
    ):
        # Proxy headers stay off: `gateway.http.client_address` decides which proxies to trust.
        await serve(
            app,
            settings.http_host,
            settings.http_port,
            when_stopping=operations.stop,
            http=BoundedHttpProtocol,
            proxy_headers=False,
        )
