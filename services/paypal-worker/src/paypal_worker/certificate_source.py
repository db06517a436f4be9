"""Fetch PayPal's certificate: plain HTTPS without our credentials, redirects or large answers."""

import asyncio

import httpx

from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.http.transport import NOTHING_SENT, HttpTransport, ResponseRejected, whole_body
from paypal_method.transmission import Unproven
from paypal_worker.certificates import PEM_BYTES_MAX

TIMEOUT_S = 10.0
_CONNECTIONS = 2
_OK, _REFUSED, _THROTTLED, _FAILED = 200, 400, 429, 500


class CertificateSource:
    """Fetches from addresses that were checked (`CertificateAddresses`)."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network, for tests."""
        self._transport = transport or HttpTransport(_CONNECTIONS)

    async def fetch(self, address: str) -> bytes:
        """The file at an address.

        Raises:
            Unproven: the address has no certificate: another status, a redirect, a large answer.
            ProviderUnavailable, OutcomeUnknown: PayPal does not answer.
        """
        timeout = httpx.Timeout(TIMEOUT_S).as_dict()
        request = httpx.Request(
            "GET",
            address,
            headers={"Accept-Encoding": "identity", "User-Agent": "cift-payments"},
            extensions={"timeout": timeout},
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._body(request)
        except NOTHING_SENT as error:
            raise ProviderUnavailable("certificate_unreachable", type(error).__name__) from error
        except ResponseRejected as error:
            raise Unproven("certificate_unreadable", "The certificate is too large.") from error
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
            raise OutcomeUnknown("certificate_not_answered", type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _body(self, request: httpx.Request) -> bytes:
        response = await self._transport.handle_async_request(request)
        try:
            if response.status_code == _THROTTLED or response.status_code >= _FAILED:
                raise OutcomeUnknown("certificate_not_answered", str(response.status_code))
            if response.status_code != _OK:
                raise Unproven("certificate_missing", "There is no certificate at the address.")
            return await whole_body(response, bytes_max=PEM_BYTES_MAX)
        finally:
            await response.aclose()
