"""How a worker under test reaches a twin that runs in the same process."""

import httpx


class TwinTransport(httpx.AsyncBaseTransport):
    """Hands requests to the twin; a connection that the twin drops is a reset, as on a network."""

    def __init__(self, inside: httpx.AsyncBaseTransport) -> None:
        self._inside = inside

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inside.handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError("reset") from error
