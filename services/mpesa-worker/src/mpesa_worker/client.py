"""Call Daraja over HTTP; the only module that uses httpx. One request, one answer, no retries.

A request is sent again only when Daraja refused its access token, which it does before it reads
the request. The exception type shows what may have happened at Daraja, see `cift_shared.errors`. A
refusal that the customer can act on is returned as a `Failure`.
"""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from cift_shared.attempts.access_token import Token, TokenStore
from cift_shared.clock import Clock
from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, ProviderUnavailable
from cift_shared.failpoints import failpoint
from cift_shared.http.transport import (
    HttpTransport,
    translated_errors,
    whole_body,
)
from cift_shared.http.untrusted_json import read_object
from cift_shared.messaging.outcomes import Failure
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.observability.provider_calls import recorded_call
from cift_shared.resilience.answer_watch import AnswerWatch
from mpesa_worker import mapping, pull_wire, wire
from mpesa_worker.mapping import DarajaError, Meaning
from mpesa_worker.settings import MpesaConfig

PROVIDER = "mpesa"
BODY_BYTES_MAX = 256 * 1024
"""Maximum size of an answer; real ones have a few hundred bytes."""
PULL_BYTES_MAX = 8 * 1024 * 1024
"""Maximum size of a page of records. A row has about 300 bytes; the number of rows in a page is
not documented."""
TOKEN_TRIES = 3
"""The current token, a token that another process may have stored since, and a new one."""
TOKEN_TIMEOUT_S = 10
NOT_DARAJA = frozenset({502, 503, 504})
"""Statuses of something before Daraja that got no answer from it."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cift-payments",
}

Reply = TypeVar("Reply", bound=BaseModel)

log = get_logger()


class DarajaClient:
    """Calls Daraja with a shared token."""

    def __init__(
        self,
        config: MpesaConfig,
        tokens: TokenStore,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network, for tests."""
        self._config = config
        self._tokens = tokens
        self._clock = clock
        connect_s, read_s = config.connect_timeout_s, config.read_timeout_s
        self._deadline_s = config.answer_deadline_s
        timeout = httpx.Timeout(read_s, connect=connect_s, pool=connect_s)
        self._extensions = {"timeout": timeout.as_dict()}
        # Only the transport: a client would add cookies, redirects and the proxy environment.
        self._transport = transport or HttpTransport(config.connections_max)
        self._watch = AnswerWatch(PROVIDER, clock)

    @property
    def is_unavailable(self) -> bool:
        """True when the last calls of this process got no answer."""
        return self._watch.is_away

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def stk_push(self, request: wire.StkPush) -> wire.StkAccepted | Failure:
        """Send a push, so that the payer's phone shows a prompt. A second push may be paid again.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        answer = await self._post("stk_push", "/mpesa/stkpush/v1/processrequest", request)
        return _accepted(answer, wire.StkAccepted)

    async def stk_query(self, request: wire.StkQuery) -> wire.StkState | None:
        """The state of a push; None when Daraja does not know it (yet)."""
        answer = await self._post("stk_query", "/mpesa/stkpushquery/v1/query", request)
        if isinstance(answer, DarajaError):
            if mapping.is_state_unknown(answer):
                return None
            raise mapping.exception_of(answer)
        if "ResultCode" not in answer:
            return None
        return _read(answer, wire.StkState)

    async def pay_out(self, request: wire.Payout) -> wire.Acknowledgement | Failure | None:
        """Send a payout to a phone; None when Daraja already has a payout with this key."""
        answer = await self._post("b2c", "/mpesa/b2c/v3/paymentrequest", request)
        if isinstance(answer, DarajaError) and answer.meaning is Meaning.DUPLICATE:
            return None
        return _accepted(answer, wire.Acknowledgement)

    async def query_status(self, request: wire.StatusQuery) -> wire.Acknowledgement:
        """Query the status of a payout or receipt; the result is posted to the query's own path."""
        answer = await self._post("status", "/mpesa/transactionstatus/v1/query", request)
        if isinstance(answer, DarajaError):
            raise mapping.exception_of(answer)
        return _read(answer, wire.Acknowledgement)

    async def reverse(self, request: wire.Reversal) -> wire.Acknowledgement:
        """Reverse a whole deposit; on a second request the result is "already reversed"."""
        answer = await self._post("reversal", "/mpesa/reversal/v1/request", request)
        if isinstance(answer, DarajaError):
            raise mapping.exception_of(answer)
        return _read(answer, wire.Acknowledgement)

    async def register_pull(self, request: pull_wire.PullRegistration) -> None:
        """Register the short code for Pull Transactions; a second call changes nothing.

        Raises:
            PaymentProcessorError: the registration was refused, or the answer was unreadable.
        """
        path = "/pulltransactions/v1/register"
        answer = await self._post("pull_register", path, request, accepted=pull_wire.REGISTERED)
        if isinstance(answer, DarajaError):
            raise mapping.exception_of(answer)
        if not pull_wire.is_registered(answer):
            raise OutcomeUnknown(
                mapping.ANSWER_UNREADABLE, "the answer does not show whether this is so"
            )

    async def pull(self, request: pull_wire.PullQuery) -> list[pull_wire.PulledRow]:
        """One page of the payments to the short code; an empty page is the end.

        Raises:
            PaymentProcessorError: no complete answer arrived; it proves nothing.
        """
        answer = await self._post(
            "pull", "/pulltransactions/v1/query", request,
            accepted=pull_wire.FOUND, bytes_max=PULL_BYTES_MAX,
        )  # fmt: skip
        if isinstance(answer, DarajaError):
            if pull_wire.means_no_rows(answer.text):
                return []
            raise mapping.exception_of(answer)
        rows = pull_wire.read_rows(answer)
        if rows is None:
            raise OutcomeUnknown(mapping.ANSWER_UNREADABLE, "the answer lacks a list of rows")
        return rows

    async def _post(
        self,
        operation: str,
        path: str,
        request: wire.Request,
        *,
        accepted: frozenset[str] = mapping.ACCEPTED,
        bytes_max: int = BODY_BYTES_MAX,
    ) -> dict[str, Any] | DarajaError:
        """One call; repeated only while Daraja refuses the token, at most `TOKEN_TRIES` sends."""
        body, refused = request.document(), None
        error: DarajaError | None = None
        for _ in range(TOKEN_TRIES):
            token = await self._tokens.get(self._issue_token, refused=refused)
            failpoint("mpesa.before_request")
            with recorded_call(PROVIDER, operation, self._clock) as call:
                status, answer = await self._exchange(
                    operation, path, f"Bearer {token}", body, bytes_max=bytes_max
                )
                failpoint("mpesa.after_request")
                error = mapping.error_in(status, answer, accepted=accepted)
                call.result, call.http_status = error.meaning.value if error else "ok", status
            if error is None:
                return answer or {}
            self._log_error(operation, error)
            if error.meaning is not Meaning.TOKEN_REFUSED:
                return error
            refused = token
        return error or DarajaError(Meaning.UNKNOWN, "no_answer")

    async def _issue_token(self) -> Token:
        config = self._config
        key, secret = config.consumer_key, config.consumer_secret
        pair = f"{key.get_secret_value()}:{secret.get_secret_value()}"
        basic = base64.b64encode(pair.encode()).decode()
        with recorded_call(PROVIDER, "oauth", self._clock) as call:
            try:
                status, body = await self._exchange(
                    "oauth",
                    "/oauth/v1/generate?grant_type=client_credentials",
                    f"Basic {basic}",
                )
            except OutcomeUnknown as error:
                # A token request moves no money, so a lost answer counts as a request not sent.
                raise ProviderUnavailable("provider_token_unavailable", str(error)) from error
            call.http_status = status
            try:
                issued = wire.AccessToken.model_validate(body) if status == 200 else None
            except ValidationError:
                issued = None
            if issued is None:
                raise mapping.token_error_of(status, body)
        log.info("mpesa.token.issued", lifetime_s=issued.expires_in)
        failpoint("mpesa.after_token")
        lifetime = timedelta(seconds=issued.expires_in)
        return Token(issued.access_token, self._clock.now() + lifetime)

    async def _exchange(
        self,
        operation: str,
        path: str,
        authorization: str,
        body: dict[str, Any] | None = None,
        *,
        bytes_max: int = BODY_BYTES_MAX,
    ) -> tuple[int, dict[str, Any] | None]:
        """HTTP status and JSON object of an answer; None when the body is not a JSON object.

        Raises:
            ProviderUnavailable: nothing was sent.
            OutcomeUnknown: the request was sent, and no complete answer arrived.
        """
        deadline_s = self._deadline_s if body is not None else TOKEN_TIMEOUT_S
        request = httpx.Request(
            "GET" if body is None else "POST",
            f"{self._config.base}{path}",
            headers={**_HEADERS, "Authorization": authorization},
            json=body,
            extensions=self._extensions,
        )
        with self._counting_failures(), translated_errors(operation):
            async with asyncio.timeout(deadline_s):
                response = await self._transport.handle_async_request(request)
                try:
                    body_in = await whole_body(response, bytes_max=bytes_max)
                finally:
                    await response.aclose()
        status = response.status_code
        (self._watch.failed if status in NOT_DARAJA else self._watch.answered)()
        return status, read_object(body_in)

    @contextmanager
    def _counting_failures(self) -> Iterator[None]:
        try:
            yield
        except PaymentProcessorError:
            self._watch.failed()
            raise

    @staticmethod
    def _log_error(operation: str, error: DarajaError) -> None:
        if not error.listed:
            UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning(
            "mpesa.call.refused",
            operation=operation,
            meaning=error.meaning.value,
            code=error.code,
            text=error.text,
        )


def _accepted(answer: "dict[str, Any] | DarajaError", kind: type[Reply]) -> Reply | Failure:
    """The answer to a submission, or a `Failure` that the customer can act on; else raises."""
    if isinstance(answer, DarajaError):
        failure = mapping.refusal_of(answer)
        if failure is None:
            raise mapping.exception_of(answer)
        return failure
    return _read(answer, kind)


def _read(answer: dict[str, Any], kind: type[Reply]) -> Reply:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) for item in error.errors(include_input=False)})
        raise OutcomeUnknown(
            mapping.ANSWER_UNREADABLE, f"the answer lacks {', '.join(fields)}"
        ) from None
