"""One call of MTN over HTTP: token, pacing, time-outs, size limit, metrics, circuit, errors.

The exception type shows what may have happened at MTN, see `cift_shared.errors`; `RequestRefused`
has MTN's reason. Texts of MTN are never passed on, because they may repeat what was sent. A request
is sent again here only when MTN refused its access token, which it does before it reads the
request.

Each platform of each country has its own circuit, and each country its own pace: an outage of one
stops nothing of another.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from cift_shared.attempts.access_token import Token
from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.errors import (
    OutcomeUnknown,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.failpoints import failpoint
from cift_shared.http.transport import (
    HttpTransport,
    translated_errors,
    whole_body,
)
from cift_shared.http.untrusted_json import read_object
from cift_shared.observability.log import get_logger
from cift_shared.observability.provider_calls import recorded_call
from cift_shared.resilience.circuit_breaker import PAUSE_S, CircuitBreaker
from cift_shared.resilience.rate_limiter import TokenBucket, wait_for_turn
from momo_worker import wire
from momo_worker.settings import MomoConfig, Platform, Product
from momo_worker.token_store import Tokens

BODY_BYTES_MAX = 256 * 1024
"""Maximum size of an answer."""
CREDENTIALS_PAUSE_S = 60
"""How long no request is sent after MTN refused our credentials; no payment fails by it."""
THROTTLE_S = 10
"""Wait after a 429."""
TOKEN_TRIES = 3
"""The current token, a token that another process may have stored since, and a new one."""
TOKEN_TIMEOUT_S = 30
"""MTN's new platform may take 20 seconds for a token."""

_OK, _REDIRECTS, _REFUSED, _FAILED = 200, 300, 400, 500
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _THROTTLED = 401, 403, 404, 409, 429
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cift-payments",
}

Reply = TypeVar("Reply", bound=BaseModel)

log = get_logger()


class RequestRefused(ProviderRejectedRequest):
    """HTTP 4xx with a reason: MTN refused the request, which changed nothing.

    Attributes:
        reason: MTN's word, "" when it gave none.
        status: the HTTP status.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__("provider_request_refused", "the request was refused")
        self.reason = reason
        self.status = status

    @property
    def is_not_found(self) -> bool:
        """True when MTN has nothing under this name, or does not show it yet."""
        return self.status == _NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to one product of MTN."""

    operation: str
    """Its name in metrics and traces."""
    product: Product
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    reference: UUID | None = None
    """`X-Reference-Id`: key and name of what the request creates."""
    callback: str | None = None
    """`X-Callback-Url`."""

    def headers(self) -> dict[str, str]:
        """The headers of this request alone."""
        found = {}
        if self.body is not None:
            found["Content-Type"] = "application/json"
        if self.reference is not None:
            found["X-Reference-Id"] = str(self.reference)
        if self.callback is not None:
            found["X-Callback-Url"] = self.callback
        return found


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of MTN."""

    status: int
    raw: bytes


class MomoHttp:
    """Sends requests to one platform in one country; one object for each process."""

    def __init__(
        self,
        config: MomoConfig,
        platform: Platform,
        tokens: Tokens,
        bucket: TokenBucket,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`bucket` is the country's pace; `transport` replaces the network, for tests."""
        self._config = config
        self._platform = platform
        self._bucket = bucket
        self._clock = clock
        self._rail = config.country.rail
        self._tokens = {
            product: tokens.of(f"{platform.base}|{platform.target}|{product}|{one.api_user}")
            for product, one in platform.credentials.items()
        }
        timeout = httpx.Timeout(
            config.read_timeout_s, connect=config.connect_timeout_s, pool=config.connect_timeout_s
        )
        self._extensions = {"timeout": timeout.as_dict()}
        # Only the transport: a client would add cookies, redirects and the proxy environment.
        self._transport = transport or HttpTransport(config.connections_max)
        pause_s = sped_up(int(PAUSE_S), config.check_speed).total_seconds()
        is_current = platform.base == config.base
        name = self._rail if is_current else f"{self._rail}_former"
        self._breaker = CircuitBreaker(name, clock, pause_s=pause_s)

    @property
    def is_unavailable(self) -> bool:
        """True while no request is sent, because MTN did not answer or refused our credentials."""
        return self._breaker.is_open

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def read(self, request: Request, kind: type[Reply]) -> Reply:
        """Send a request and parse the fields of the answer that we use.

        Raises:
            RequestRefused: MTN refused it, or has nothing under this name.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        response = await self.send(request)
        document = read_object(response.raw)
        if document is None:
            raise OutcomeUnknown("provider_answer_unreadable", request.operation)
        return _parsed(document, kind)

    async def send(self, request: Request) -> Response:
        """Send a request; the answer is one of success. Raises as `read`."""
        await wait_for_turn([self._bucket])
        with recorded_call(self._rail, request.operation, self._clock), self._breaker.guard():
            refused = None
            for _ in range(TOKEN_TRIES):
                token = await self._token(request.product, refused)
                response = await self._exchange(request, f"Bearer {token}")
                if response.status != _UNAUTHORIZED:
                    break
                refused = token
            if not _OK <= response.status < _REDIRECTS:
                self._raise_refusal(request.operation, response, is_read=request.method == "GET")
            return response

    async def _token(self, product: Product, refused: str | None) -> str:
        async def issue() -> Token:
            return await self._issue_token(product)

        return await self._tokens[product].get(issue, refused=refused)

    async def _exchange(self, request: Request, authorization: str) -> Response:
        """One HTTP exchange.

        Raises:
            ProviderUnavailable: nothing was sent.
            OutcomeUnknown: it was sent, and no complete answer arrived.
        """
        failpoint("momo.before_request")
        response = await self._transfer(request, authorization, self._config.answer_deadline_s)
        failpoint("momo.after_request")
        return response

    async def _transfer(self, request: Request, authorization: str, deadline_s: float) -> Response:
        credentials = self._platform.credentials[request.product]
        sent = httpx.Request(
            request.method,
            f"{self._platform.base}{request.path}",
            headers={
                **_HEADERS,
                "Authorization": authorization,
                "Ocp-Apim-Subscription-Key": credentials.subscription_key.get_secret_value(),
                "X-Target-Environment": self._platform.target,
                **request.headers(),
            },
            content=_content(request),
            extensions=self._extensions,
        )
        with translated_errors(request.operation):
            async with asyncio.timeout(deadline_s):
                response = await self._transport.handle_async_request(sent)
                try:
                    raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
                finally:
                    await response.aclose()
        return Response(response.status_code, raw)

    async def _issue_token(self, product: Product) -> Token:
        """Request an access token; it moves no money, so a lost answer counts as not sent."""
        credentials = self._platform.credentials[product]
        pair = f"{credentials.api_user}:{credentials.api_key.get_secret_value()}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        request = Request(
            operation=f"{product}_token", product=product, method="POST", path=f"/{product}/token/"
        )
        with recorded_call(self._rail, request.operation, self._clock):
            try:
                response = await self._transfer(request, basic, TOKEN_TIMEOUT_S)
                if not _OK <= response.status < _REDIRECTS:
                    self._raise_refusal(request.operation, response)
                issued = _parsed(read_object(response.raw) or {}, wire.AccessToken)
            except OutcomeUnknown as error:
                raise ProviderUnavailable("provider_token_unavailable", error.code) from error
        log.info(
            "momo.token.issued", rail=self._rail, product=product, lifetime_s=issued.expires_in
        )
        expires_at = self._clock.now() + timedelta(seconds=issued.expires_in)
        return Token(issued.access_token, expires_at)

    def _raise_refusal(
        self, operation: str, response: Response, *, is_read: bool = False
    ) -> NoReturn:
        """Translate an answer other than 2xx."""
        document, status = read_object(response.raw), response.status
        reason = _reason_in(document)
        log.warning(
            "momo.call_refused",
            rail=self._rail,
            operation=operation,
            http_status=status,
            reason=reason[:64] or None,
        )
        if status == _THROTTLED:
            raise ProviderThrottled("provider_rate_limited", operation, retry_after_s=THROTTLE_S)
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            self._breaker.trip(CREDENTIALS_PAUSE_S)
            raise ProviderThrottled(
                "provider_credentials_refused",
                "MTN refused our credentials; an operator must correct them",
                retry_after_s=CREDENTIALS_PAUSE_S,
            )
        if status == _CONFLICT or (status == _NOT_FOUND and is_read):
            raise RequestRefused(reason, status)  # their meaning does not depend on a body
        if status >= _FAILED or document is None or status < _REFUSED:
            raise OutcomeUnknown("provider_failed", f"{operation}: {status}")
        raise RequestRefused(reason, status)


def _content(request: Request) -> bytes | None:
    """The body; a POST without one gets `Content-Length: 0`, without which MTN answers 411."""
    if request.body is not None:
        return json.dumps(request.body, separators=(",", ":")).encode()
    return b"" if request.method == "POST" else None


def _reason_in(document: Mapping[str, Any] | None) -> str:
    reason = (document or {}).get("code")
    return reason if isinstance(reason, str) else ""


def _parsed(document: Mapping[str, Any], kind: type[Reply]) -> Reply:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) for item in error.errors(include_input=False)})
        raise OutcomeUnknown(
            "provider_answer_unreadable", f"the answer lacks {', '.join(fields)}"
        ) from None
