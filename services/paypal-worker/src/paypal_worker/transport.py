"""One call of PayPal over HTTP: token, time-outs, size limit, metrics, circuit breaker, errors.

The exception type shows what may have happened at PayPal, see `cift_shared.errors`;
`RequestRefused` has PayPal's reason. Texts of PayPal are never passed on, because they may repeat
what was sent. A request is sent again only when PayPal refused its access token, which it does
before it reads the request.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from cift_shared.attempts.access_token import Token, TokenStore
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
from paypal_worker import wire
from paypal_worker.settings import PayPalConfig

PROVIDER = "paypal"
BODY_BYTES_MAX = 8 * 1024 * 1024
"""Maximum size of an answer; the largest are pages of 500 transactions or of 1000 payout items."""
CREDENTIALS_PAUSE_S = 60
"""How long no request is sent after PayPal refused our credentials; no payment fails by it."""
THROTTLE_S, THROTTLE_S_MAX = 5, 600
"""Wait after a 429 without a usable `Retry-After` header, and the longest that is obeyed."""
IN_PROGRESS_S = 3
"""Wait while PayPal still works on an earlier request with the same key."""
TOKEN_TRIES = 3
"""The current token, a token that another process may have stored since, and a new one."""
TOKEN_TIMEOUT_S = 15

IN_PROGRESS = "provider_request_in_progress"
"""Code of a request that PayPal did not take because one with the same key still runs."""
_IN_PROGRESS = frozenset({"ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"})
_OK, _NO_CONTENT, _REDIRECTS, _REFUSED, _FAILED = 200, 204, 300, 400, 500
_UNAUTHORIZED, _CONFLICT, _THROTTLED = 401, 409, 429
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cift-payments",
}

Reply = TypeVar("Reply", bound=BaseModel)

log = get_logger()


class RequestRefused(ProviderRejectedRequest):
    """HTTP 4xx: PayPal refused the request, which changed nothing.

    Attributes:
        error: PayPal's reason.
        status: the HTTP status.
    """

    def __init__(self, error: wire.ApiError, status: int) -> None:
        super().__init__("provider_request_refused", "the request was refused")
        self.error = error
        self.status = status

    @property
    def issue(self) -> str:
        """PayPal's word for the first reason, "" when it gave none."""
        return self.error.issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to PayPal."""

    operation: str
    """Its name in metrics and traces."""
    method: str
    path: str
    """The path with its query."""
    body: Mapping[str, Any] | None = None
    raw: bytes | None = None
    """The JSON text of the body, where its exact bytes matter; else `body` is written."""
    key: str | None = None
    """Our `PayPal-Request-Id`."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes | None:
        """The body's bytes; the same for the same request, as PayPal compares repeats."""
        if self.raw is not None or self.body is None:
            return self.raw
        return json.dumps(self.body, separators=(",", ":"), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: httpx.Headers
    raw: bytes


class PayPalHttp:
    """Sends requests for one account; one object for each process."""

    def __init__(
        self,
        config: PayPalConfig,
        tokens: TokenStore,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network, for tests."""
        self._config = config
        self._tokens = tokens
        self._clock = clock
        timeout = httpx.Timeout(
            config.read_timeout_s, connect=config.connect_timeout_s, pool=config.connect_timeout_s
        )
        self._extensions = {"timeout": timeout.as_dict()}
        # Only the transport: a client would add cookies, redirects and the proxy environment.
        self._transport = transport or HttpTransport(config.connections_max)
        pause_s = sped_up(int(PAUSE_S), config.check_speed).total_seconds()
        self._breaker = CircuitBreaker(PROVIDER, clock, pause_s=pause_s)

    @property
    def is_unavailable(self) -> bool:
        """True while no request is sent, because PayPal did not answer or refused our app."""
        return self._breaker.is_open

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def call(self, request: Request, kind: type[Reply]) -> Reply:
        """Send a request and parse the fields of the answer that we use.

        Raises:
            RequestRefused: PayPal refused it.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        with recorded_call(PROVIDER, request.operation, self._clock), self._breaker.guard():
            response = await self._send(request)
            if response.status == _NO_CONTENT:
                return _parsed({}, kind)
            document = read_object(response.raw)
            if document is None:
                raise OutcomeUnknown("provider_answer_unreadable", request.operation)
            return _parsed(document, kind)

    async def _send(self, request: Request) -> _Response:
        """The answer to a request that PayPal carried out."""
        refused = None
        for _ in range(TOKEN_TRIES):
            token = await self._tokens.get(self._issue_token, refused=refused)
            response = await self._exchange(request, f"Bearer {token}")
            if response.status != _UNAUTHORIZED:
                break
            refused = token
        if not _OK <= response.status < _REDIRECTS:
            self._raise_refusal(request.operation, response)
        return response

    async def _exchange(self, request: Request, authorization: str) -> _Response:
        """One HTTP exchange.

        Raises:
            ProviderUnavailable: nothing was sent.
            OutcomeUnknown: it was sent, and no complete answer arrived.
        """
        failpoint("paypal.before_request")
        response = await self._transfer(request, authorization, self._config.answer_deadline_s)
        failpoint("paypal.after_request")
        return response

    async def _transfer(self, request: Request, authorization: str, deadline_s: float) -> _Response:
        sent = httpx.Request(
            request.method,
            f"{self._config.base}{request.path}",
            headers={**_HEADERS, "Authorization": authorization, **_headers_of(request)},
            content=request.content,
            extensions=self._extensions,
        )
        with translated_errors(request.operation):
            async with asyncio.timeout(deadline_s):
                response = await self._transport.handle_async_request(sent)
                try:
                    raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
                finally:
                    await response.aclose()
        return _Response(response.status_code, response.headers, raw)

    async def _issue_token(self) -> Token:
        """Request an access token; it moves no money, so a lost answer counts as not sent."""
        pair = f"{self._config.client_id}:{self._config.client_secret.get_secret_value()}"
        form = Request(
            operation="oauth",
            method="POST",
            path="/v1/oauth2/token",
            raw=b"grant_type=client_credentials",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        with recorded_call(PROVIDER, "oauth", self._clock):
            try:
                response = await self._transfer(form, basic, TOKEN_TIMEOUT_S)
                if response.status != _OK:
                    self._raise_refusal("oauth", response)
                issued = _parsed(read_object(response.raw) or {}, wire.AccessToken)
            except OutcomeUnknown as error:
                raise ProviderUnavailable("provider_token_unavailable", error.code) from error
        log.info("paypal.token.issued", lifetime_s=issued.expires_in)
        expires_at = self._clock.now() + timedelta(seconds=issued.expires_in)
        return Token(issued.access_token, expires_at)

    def _raise_refusal(self, operation: str, response: _Response) -> NoReturn:
        """Translate an answer other than 2xx."""
        document = read_object(response.raw)
        error, status = _error_of(document), response.status
        log.warning(
            "paypal.call_refused",
            operation=operation,
            http_status=status,
            issue=error.issue[:64] or None,
            field=next((detail.field for detail in error.details if detail.field), None),
            debug_id=(error.debug_id or response.headers.get("paypal-debug-id", ""))[:64] or None,
        )
        if status == _THROTTLED:
            wait_s = _retry_after_s(response.headers.get("retry-after", ""))
            raise ProviderThrottled("provider_rate_limited", operation, retry_after_s=wait_s)
        if status == _UNAUTHORIZED:
            self._breaker.trip(CREDENTIALS_PAUSE_S)
            raise _CredentialsRefused
        if status == _CONFLICT or _IN_PROGRESS & set(error.issues):
            raise ProviderThrottled(IN_PROGRESS, operation, retry_after_s=IN_PROGRESS_S)
        if status >= _FAILED or document is None or status < _REFUSED:
            raise OutcomeUnknown("provider_failed", f"{operation}: {status}")
        raise RequestRefused(error, status)


class _CredentialsRefused(ProviderThrottled):
    def __init__(self) -> None:
        super().__init__(
            "provider_credentials_refused",
            "PayPal refused our app; an operator must correct its credentials",
            retry_after_s=CREDENTIALS_PAUSE_S,
        )


def _headers_of(request: Request) -> dict[str, str]:
    named = dict(request.headers)
    if request.method == "POST":  # PayPal wants it also without a body
        named.setdefault("Content-Type", "application/json")
    if request.key is not None:
        named["PayPal-Request-Id"] = request.key
    return named


def _error_of(document: Mapping[str, Any] | None) -> wire.ApiError:
    try:
        return wire.ApiError.model_validate(document or {})
    except ValidationError:
        return wire.ApiError()


def _retry_after_s(text: str) -> int:
    usable = text.isascii() and text.isdigit() and len(text) < 10
    return min(max(1, int(text)), THROTTLE_S_MAX) if usable else THROTTLE_S


def _parsed(document: Mapping[str, Any], kind: type[Reply]) -> Reply:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) for item in error.errors(include_input=False)})
        raise OutcomeUnknown(
            "provider_answer_unreadable", f"the answer lacks {', '.join(fields)}"
        ) from None
