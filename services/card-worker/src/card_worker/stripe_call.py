"""Make one call of Stripe's library: rate limit, metrics, circuit breaker, error translation.

The exception type shows what may have happened at Stripe, see `cift_shared.errors`. Two more types
are defined here: `CardRefused` is a decline by the bank, `RequestRefused` a refusal by Stripe.
Error texts may contain secrets and are never passed on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeVar

import stripe
from pydantic import BaseModel, ValidationError

from card_worker import wire
from card_worker.transport import CALL, Call
from cift_shared.clock import Clock
from cift_shared.errors import (
    CiftError,
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.observability.log import get_logger
from cift_shared.observability.provider_calls import recorded_call
from cift_shared.resilience.circuit_breaker import CircuitBreaker

PROVIDER = "stripe"
CREDENTIALS_PAUSE_S = 60
"""How long no request is sent after Stripe refused our key; no payment fails because of it."""
THROTTLE_S = 2
"""Wait after a 429 without a usable `Retry-After` header."""
_SERVER_ERROR_STATUS = 500

Reply = TypeVar("Reply", bound=BaseModel)

log = get_logger()


class CardRefused(CiftError):
    """HTTP 402: the bank, or Stripe for it, declined; the object's own state decides."""

    def __init__(self, error: wire.ApiError) -> None:
        super().__init__("the card was refused")
        self.error = error


class RequestRefused(ProviderRejectedRequest):
    """HTTP 400 or 404: Stripe refused the request; it changed nothing."""

    def __init__(self, error: wire.ApiError, status: int) -> None:
        super().__init__("provider_request_refused", "the request was refused")
        self.error = error
        self.status = status


class ServerFailed(OutcomeUnknown):
    """The outcome of the request is unknown, and its key returns the same error from now on.

    HTTP 5xx; or HTTP 400 `idempotency_error`: an earlier request used the key with other
    parameters (after a release changed them), and may have been carried out.
    """


class Caller:
    """Makes calls to Stripe; one circuit breaker covers them all."""

    def __init__(self, clock: Clock, *, deadline_s: float, pause_s: float) -> None:
        """`pause_s`: how long the open circuit breaker sends no requests to Stripe."""
        self._clock = clock
        self._deadline_s = deadline_s
        self._breaker = CircuitBreaker(PROVIDER, clock, pause_s=pause_s)

    @property
    def is_unavailable(self) -> bool:
        """True while the circuit is open: no request is sent."""
        return self._breaker.is_open

    async def call(
        self, operation: str, send: Callable[[], Awaitable[Any]], kind: type[Reply]
    ) -> Reply:
        """Make a call and parse the fields of the answer that we use.

        Raises:
            CardRefused, RequestRefused, PaymentProcessorError: see the module's docstring.
        """
        with recorded_call(PROVIDER, operation, self._clock) as record, self._breaker.guard():
            CALL.set(call := Call(operation))
            try:
                async with asyncio.timeout(self._deadline_s):
                    answer = await send()
            except stripe.StripeError as error:
                if isinstance(error, stripe.CardError):
                    record.result = "declined"
                self._raise_translated(operation, error, call)
            except TimeoutError:
                raise _no_answer_error(operation, call) from None
            return _parsed(answer, kind)

    def _raise_translated(self, operation: str, error: stripe.StripeError, call: Call) -> NoReturn:
        """Translate the library's error to ours, without its text, and raise it."""
        api_error, status = _api_error_of(error), error.http_status or 0
        log.warning(
            "stripe.call_failed",
            operation=operation,
            kind=type(error).__name__,
            http_status=status,
            code=api_error.code,
            decline_code=api_error.decline_code,
            param=api_error.param,
            request_id=error.request_id,
        )
        match error:
            case stripe.CardError():
                raise CardRefused(api_error) from None
            case stripe.RateLimitError():
                wait_s = _retry_after_s(error.headers)
                raise ProviderThrottled(
                    "provider_rate_limited", operation, retry_after_s=wait_s
                ) from None
            case stripe.AuthenticationError() | stripe.PermissionError():
                self._breaker.trip(CREDENTIALS_PAUSE_S)
                raise _CredentialsRefused from None
            case stripe.IdempotencyError():
                raise ServerFailed("provider_key_taken", operation) from None
            case stripe.InvalidRequestError():
                raise RequestRefused(api_error, status) from None
        if status >= _SERVER_ERROR_STATUS:
            raise ServerFailed("provider_failed", f"{operation}: {status}") from None
        raise _no_answer_error(operation, call) from None


class _CredentialsRefused(ProviderThrottled):
    def __init__(self) -> None:
        super().__init__(
            "provider_credentials_refused",
            "Stripe refused our key; an operator must correct it",
            retry_after_s=CREDENTIALS_PAUSE_S,
        )


def _no_answer_error(operation: str, call: Call) -> PaymentProcessorError:
    if call.maybe_sent:
        return OutcomeUnknown("provider_answer_lost", operation)
    return ProviderUnavailable("provider_unreachable", operation)


def _api_error_of(error: stripe.StripeError) -> wire.ApiError:
    body = error.json_body
    inner = body.get("error") if isinstance(body, dict) else None
    try:
        return wire.ApiError.model_validate(inner or {})
    except ValidationError:
        return wire.ApiError()


def _retry_after_s(headers: Mapping[str, str] | None) -> int:
    text = (headers or {}).get("retry-after", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 5 else THROTTLE_S


def _parsed(answer: Any, kind: type[Reply]) -> Reply:
    try:
        return kind.model_validate(answer.to_dict())
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) for item in error.errors(include_input=False)})
        raise OutcomeUnknown(
            "provider_answer_unreadable", f"the answer lacks {', '.join(fields)}"
        ) from None
