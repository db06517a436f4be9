"""`python -m gateway`: serve the API until SIGTERM."""

import sys

import uvloop

from cift_shared.errors import SettingsInvalid
from cift_shared.service import serve, start_observing
from cift_shared.settings import load_settings
from gateway.app import create_app
from gateway.http_protocol import BoundedHttpProtocol
from gateway.settings import GatewaySettings


def main() -> None:
    """Read the settings and serve."""
    try:
        settings = load_settings(GatewaySettings).checked()
        app = create_app(settings)
    except SettingsInvalid as error:
        sys.exit(f"gateway: {error}")
    start_observing("gateway", settings)
    # Proxy headers stay off: whom to believe is decided in `gateway.sources`.
    uvloop.run(serve(app, settings, http=BoundedHttpProtocol, proxy_headers=False))


if __name__ == "__main__":
    main()
