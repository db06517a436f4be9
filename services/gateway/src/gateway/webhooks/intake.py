"""Receive one request of a provider: the rail's reader reads it, then it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from cift_shared.networks import Network
from cift_shared.rails.gateway import RailSettings, gateway_rails
from cift_shared.rails.webhooks import WebhookContext, WebhookHead, WebhookReader, WebhookRoute
from gateway.http.client_address import source_address
from gateway.http.limits import WEBHOOK_BODY_BYTES_MAX, SourceRate, read_body
from gateway.problems.problem import Problem
from gateway.webhooks.service import Webhooks


@dataclass(slots=True, eq=False)
class Intake:
    """Reads and stores providers' requests."""

    readers: Mapping[str, WebhookReader]
    """By the path of their route."""
    webhooks: Webhooks
    trusted_proxies: Sequence[Network]
    rate: SourceRate
    """Rate limit per source address, for routes without authentication."""

    async def take(
        self, provider: str, route: WebhookRoute, request: Request, token: str = ""
    ) -> dict[str, Any]:
        """Store a request once its reader has admitted and read it; returns the JSON to answer.

        Raises:
            Problem: too_many_notices; as `read_body`.
            WebhookRefused: as the reader.
        """
        source = source_address(request, self.trusted_proxies)
        if route.is_limited and not self.rate.allows(str(source)):
            raise Problem("too_many_notices")
        head = WebhookHead(request.headers.getlist, source, token)
        read = self.readers[route.path].admit(head)
        body = await read_body(request, bytes_max=WEBHOOK_BODY_BYTES_MAX)
        evidence = read(body)
        await self.webhooks.take(provider, evidence, body, source)
        return dict(evidence.acknowledgement or route.acknowledgement)


def open_readers(
    settings: Mapping[str, RailSettings], context: WebhookContext
) -> Mapping[str, WebhookReader]:
    """The reader of each installed rail's addresses, by path."""
    return {
        route.path: route.open(settings[name], context)
        for name, rail in gateway_rails().items()
        for route in rail.webhooks
    }
