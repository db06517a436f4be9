"""Call M-Pesa OpenAPI over HTTP; the only module that uses httpx. One request, one answer.

A request is sent again only when Vodacom refused its session, which it does before it reads the
request. The exception type shows what may have happened at Vodacom, see `cift_shared.errors`.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from cift_shared.attempts.access_token import TokenStore
from cift_shared.clock import Clock
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.failpoints import failpoint
from cift_shared.http.transport import (
    ANSWER_LOST,
    HttpTransport,
    translated_errors,
    whole_body,
)
from cift_shared.http.untrusted_json import read_object
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.observability.provider_calls import recorded_call
from cift_shared.resilience.circuit_breaker import CircuitBreaker
from cift_shared.resilience.rate_limiter import TokenBucket, wait_for_turn
from vodacom_worker import codes, domain, mapping, wire
from vodacom_worker.codes import Meaning
from vodacom_worker.mapping import Reply, Status
from vodacom_worker.session_store import Session, SessionTimes
from vodacom_worker.settings import VodacomConfig

PROVIDER = "vodacom"
BODY_BYTES_MAX = 64 * 1024
"""Maximum size of an answer; real ones have a few hundred bytes."""
SESSION_TRIES = 3
"""The current session, one that another process may have stored since, and a new one."""
BUSY_S, SPENT_S = 10, 30
"""Wait after Vodacom refused for now, and after a session's limit was reached, in seconds."""
NOT_VODACOM = frozenset({502, 503, 504})
"""Statuses of something before Vodacom, when the answer has no code."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "cift-payments",
}
Answered = tuple[int, dict[str, Any] | None]

log = get_logger()


class _StillOpen(ProviderThrottled):
    """A call in synchronous use got no answer in time: the payer may have let it lapse."""


class VodacomClient:
    """Calls M-Pesa OpenAPI with shared sessions, at most so many requests in a second."""

    def __init__(
        self,
        config: VodacomConfig,
        sessions: TokenStore,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network, for tests.

        Raises:
            SettingsInvalid: the public key can't be read.
        """
        self._config = config
        self._sessions = sessions
        self._clock = clock
        self._key = domain.public_key(config.public_key_text())
        # Only the transport: a client would add cookies, redirects and the proxy environment.
        self._transport = transport or HttpTransport(config.connections_max)
        self._breaker = CircuitBreaker(PROVIDER, clock)
        self._pace = TokenBucket(config.requests_per_second, clock)
        self._bearer = ("", "")

    @property
    def is_unavailable(self) -> bool:
        """True while requests are not sent because the last ones got no answer."""
        return self._breaker.is_open

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def send(self, request: wire.Request) -> Reply:
        """Send a payment, payout or reversal; in synchronous use the answer has its result.

        Raises:
            ProviderThrottled: Vodacom refused for now; nothing was done.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        reply, _ = await self._call(request, held=self._config.is_synchronous)
        return reply

    async def query(self, request: wire.Query) -> Status:
        """The status of an earlier request; raises as `send`."""
        reply, body = await self._call(request)
        return mapping.status_of(reply, body)

    async def issue_session(self) -> Session:
        """Request a new session.

        Raises:
            ProviderUnavailable: there was no answer. It moves no money, so nothing is unknown.
            ProviderRejectedRequest: Vodacom refused the API key.
        """
        config, began = self._config, self._clock.now()
        secret = domain.bearer(config.api_key.get_secret_value(), self._key)
        with recorded_call(PROVIDER, "session", self._clock) as call:
            try:
                status, body = await self._exchange("session", "GET", "getSession/", secret, {})
            except OutcomeUnknown as error:
                raise ProviderUnavailable("provider_session_unavailable", str(error)) from error
            call.http_status = status
            session = wire.text(body or {}, "output_SessionID")
            if not session:
                raise _no_session(status, body)
        log.info("mpesa_tz.session.issued", lifetime_s=config.session_s)
        failpoint("vodacom.after_session")
        # Its life began after the request, and it is live that long after the answer at the latest.
        return Session(session, began + timedelta(seconds=config.session_s), self._clock.now())

    async def _call(
        self, request: wire.Request, *, held: bool = False
    ) -> tuple[Reply, dict[str, Any] | None]:
        """One call; repeated only while Vodacom refuses the session."""
        refused: str | None = None
        for _ in range(SESSION_TRIES):
            session = await self._sessions.get(self.issue_session, refused=refused)
            failpoint("vodacom.before_request")
            with recorded_call(PROVIDER, request.operation, self._clock) as call:
                status, body = await self._exchange(
                    request.operation, request.verb, request.path,
                    self._bearer_of(session), request.document(), held=held,
                )  # fmt: skip
                failpoint("vodacom.after_request")
                reply = mapping.reply_of(status, body, key=request.key)
                call.result, call.http_status = reply.meaning.value, status
            self._log(request.operation, reply)
            if reply.meaning not in (Meaning.NO_SESSION, Meaning.SESSION_SPENT):
                return self._checked(reply), body
            refused = session
            if reply.meaning is Meaning.SESSION_SPENT:
                await self._sessions.get(self.issue_session, refused=refused)
                raise ProviderThrottled(reply.code, "a session's limit", retry_after_s=SPENT_S)
        raise SessionTimes.at_speed(self._config.check_speed).not_live()

    def _bearer_of(self, session: str) -> str:
        """The session encrypted; the last one is kept, because encrypting it takes time."""
        if self._bearer[0] != session:
            self._bearer = (session, domain.bearer(session, self._key))
        return self._bearer[1]

    @staticmethod
    def _checked(reply: Reply) -> Reply:
        """The reply, unless nothing was done."""
        if reply.meaning is Meaning.BUSY:
            raise ProviderThrottled("provider_busy", reply.code, retry_after_s=BUSY_S)
        return reply

    async def _exchange(
        self,
        operation: str,
        verb: str,
        path: str,
        bearer: str,
        fields: Mapping[str, str],
        *,
        held: bool = False,
    ) -> Answered:
        """HTTP status and JSON object of an answer; None when the body is not a JSON object.

        Raises:
            ProviderUnavailable, ProviderThrottled: nothing was sent.
            OutcomeUnknown: the request was sent, and no complete answer arrived.
        """
        await wait_for_turn([self._pace])
        request = self._request(verb, path, bearer, fields, held=held)
        try:
            with self._breaker.guard(), translated_errors(operation):
                return await self._answer(request, held=held)
        except _StillOpen as error:
            raise OutcomeUnknown(ANSWER_LOST, f"{operation}: open for too long") from error

    async def _answer(self, request: httpx.Request, *, held: bool) -> Answered:
        config = self._config
        try:
            async with asyncio.timeout(config.answer_deadline_s(held=held)):
                response = await self._transport.handle_async_request(request)
                try:
                    raw = await whole_body(response, bytes_max=BODY_BYTES_MAX)
                finally:
                    await response.aclose()
        except httpx.ReadTimeout as error:
            if held:
                # This says nothing about Vodacom, so it must not open the circuit.
                raise _StillOpen(ANSWER_LOST, "no answer in time", retry_after_s=0) from error
            raise
        body = read_object(raw)
        if body is None and response.status_code in NOT_VODACOM:
            raise OutcomeUnknown(ANSWER_LOST, f"HTTP {response.status_code}")  # of a proxy
        return response.status_code, body

    def _request(
        self, verb: str, path: str, bearer: str, fields: Mapping[str, str], *, held: bool
    ) -> httpx.Request:
        config = self._config
        read_s = config.hold_timeout_s if held else config.read_timeout_s
        connect_s = config.connect_timeout_s
        timeout = httpx.Timeout(read_s, connect=connect_s, pool=connect_s)
        query = f"?{urlencode(fields)}" if verb == "GET" and fields else ""
        return httpx.Request(
            verb,
            f"{config.path}/{path}{query}",
            headers={**_HEADERS, "Authorization": f"Bearer {bearer}", "Origin": config.origin},
            json=None if verb == "GET" else dict(fields),
            extensions={"timeout": timeout.as_dict()},
        )

    @staticmethod
    def _log(operation: str, reply: Reply) -> None:
        if not reply.listed:
            UNKNOWN_WORDS.labels(PROVIDER).inc()
        if reply.meaning is not Meaning.ACCEPTED:
            log.warning(
                "mpesa_tz.call.refused",
                operation=operation,
                meaning=reply.meaning.value,
                code=reply.code[:20],
            )


def _no_session(status: int, body: Mapping[str, Any] | None) -> PaymentProcessorError:
    """The error of an answer without a session."""
    code = wire.text(body or {}, "output_ResponseCode") or mapping.NO_CODE
    log.error("mpesa_tz.session.refused", http_status=status, code=code[:20])
    if codes.MEANINGS.get(code) is Meaning.SETUP_WRONG or status in mapping.UNAUTHORIZED:
        return ProviderRejectedRequest("provider_credentials_refused", f"no session: {code[:20]}")
    # INS-989 stands for a wrong key and for a fault at Vodacom alike
    return ProviderUnavailable("provider_session_unavailable", f"HTTP {status}, {code[:20]}")
