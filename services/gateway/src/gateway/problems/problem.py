"""Every refusal of the API, as RFC 9457 problem documents; the only list of their codes.

A problem has a stable `code` for programs, shows whether a retry can succeed, and names the invalid
fields: a JSON Pointer for the body, the parameter's name for anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from cift_shared.errors import InvalidCommand, RateStale
from cift_shared.rails.registry import rail_refusals
from cift_shared.rails.webhooks import WebhookRefused

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
RATE_STALE = "Live rates are being read again."
ERRORS_MAX = 20
"""Maximum number of invalid fields in one response; a small body can have thousands of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all problems of one code have in common."""

    status: int
    title: str
    retryable: bool = False
    stored: bool = False
    """True when it depends on the state, so that a retry could be accepted: a POST that moves money
    stores it under its idempotency key (`idempotency/service.py`)."""


KINDS: Mapping[str, Kind] = {
    "http_malformed": Kind(400, "The request can't be read as HTTP"),
    "json_malformed": Kind(400, "The body is not JSON"),
    "signature_invalid": Kind(400, "The signature does not match"),
    "webhook_event_invalid": Kind(400, "The body is not a supported event"),
    "webhook_mode_mismatch": Kind(400, "The event is of the other mode"),
    "idempotency_key_missing": Kind(400, "The Idempotency-Key header is missing"),
    "idempotency_key_malformed": Kind(400, "The Idempotency-Key header is malformed"),
    "unauthenticated": Kind(401, "No valid API key"),
    "scope_missing": Kind(403, "The API key may not do this"),
    "not_found": Kind(404, "Not found"),
    "payment_not_found": Kind(404, "There is no such payment"),
    "payment_method_not_found": Kind(404, "There is no such payment method"),
    "conversion_not_found": Kind(404, "There is no such conversion"),
    "customer_not_found": Kind(404, "There is no such customer"),
    "dispute_not_found": Kind(404, "There is no such dispute"),
    "webhook_not_configured": Kind(404, "This webhook is not configured here"),
    "method_not_allowed": Kind(405, "This address does not support that method"),
    "request_timeout": Kind(408, "The request took too long to arrive", retryable=True),
    "idempotency_key_in_flight": Kind(
        409, "A request with this key is being processed", retryable=True
    ),
    "not_refundable": Kind(409, "This payment can't be refunded", stored=True),
    "not_cancelable": Kind(409, "This payment can't be canceled any more"),
    "body_too_large": Kind(413, "The body is too large"),
    "content_type_unsupported": Kind(415, "The body must be application/json"),
    "content_encoding_unsupported": Kind(415, "Compressed bodies are not accepted"),
    "validation_failed": Kind(422, "The request has invalid fields"),
    "json_refused": Kind(422, "The JSON is not acceptable"),
    "text_refused": Kind(422, "The text has characters that can't be stored"),
    "card_number_refused": Kind(422, "Card numbers must not be sent here"),
    "idempotency_key_reused": Kind(422, "The key was used for another request"),
    "amount_invalid": Kind(422, "The amount is not valid"),
    "amount_not_whole": Kind(422, "The amount must be whole"),
    "amount_out_of_limits": Kind(422, "The amount is out of limits", stored=True),
    "currency_unknown": Kind(422, "The currency is unknown"),
    "currency_unsupported": Kind(422, "The method does not support this currency"),
    "method_unavailable": Kind(422, "The method is not available", stored=True),
    **{code: Kind(422, refusal.title) for code, refusal in rail_refusals().items()},
    "rate_unavailable": Kind(422, "There is no exchange rate", stored=True),
    "conversion_same_currency": Kind(422, "A conversion needs two currencies"),
    "quote_not_found": Kind(422, "There is no such quote", stored=True),
    "quote_expired": Kind(422, "The quote has expired", stored=True),
    "quote_mismatch": Kind(422, "The quote is for something else"),
    "phone_invalid": Kind(422, "The phone number is not valid"),
    "country_unsupported": Kind(422, "The country is not supported"),
    "return_url_invalid": Kind(422, "The return address is not valid"),
    "payment_method_invalid": Kind(422, "The payment method is not usable", stored=True),
    "insufficient_funds": Kind(422, "The available balance is too small", stored=True),
    "refund_exceeds_captured": Kind(
        422, "The refund exceeds the amount left to refund", stored=True
    ),
    "verification_too_soon": Kind(429, "The payment is being verified already", retryable=True),
    "too_many_streams": Kind(429, "Too many open event streams", retryable=True),
    "too_many_requests": Kind(429, "Too many requests with this key", retryable=True),
    "too_many_notices": Kind(429, "Too many notices", retryable=True),
    "head_too_large": Kind(431, "The request head is too large"),
    "internal_error": Kind(500, "Something went wrong on our side", retryable=True),
    "float_low": Kind(503, "Withdrawals by this method are paused", retryable=True),
    "network_fee_unknown": Kind(503, "The network's fee is not known now", retryable=True),
    "unavailable": Kind(503, "We can't process this request right now", retryable=True),
}
"""Code to kind: the public list, shown at /docs."""

TEMPORARY: Mapping[str, Kind] = {
    "rate_unavailable": Kind(503, "The exchange rate is not known now", retryable=True),
}
"""Codes of `KINDS` whose cause may also pass by itself, with the kind of that case."""

# Our codes for the two most frequent error types of pydantic.
_FIELD_CODES = {"missing": "field_required", "extra_forbidden": "field_unknown"}
_FIELD_INVALID = "field_invalid"


class Problem(Exception):
    """A refusal that the client gets as the response.

    Attributes:
        code: a key of `KINDS`.
        detail: one sentence for the developer who reads it; never echoes what was sent.
        errors: the invalid fields.
        headers: additional headers of the response.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        temporary: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = TEMPORARY[code] if temporary else KINDS[code]
        self.detail = detail or f"{self.kind.title}."
        self.errors = errors
        self.headers = dict(headers or {})
        if self.kind.status in (409, 429, 503) and self.kind.retryable:
            self.headers.setdefault("Retry-After", str(RETRY_AFTER_S))

    def document(self, instance: str) -> dict[str, Any]:
        """The problem document; `instance` is the id of the request."""
        document: dict[str, Any] = {
            "type": f"/docs#problem-{self.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.kind.retryable,
        }
        if self.errors:
            document["errors"] = [dict(error) for error in self.errors]
        return document


def body_problem(code: str, detail: str, pointer: str) -> Problem:
    """A problem with one field of the body."""
    return Problem(code, detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def parameter_problem(code: str, detail: str, *, place: str, name: str) -> Problem:
    """A problem with one parameter; `place` is query, path or header."""
    error = {"in": place, "parameter": name, "code": code, "detail": detail}
    return Problem(code, detail, errors=[error])


def problem_from_command(error: InvalidCommand) -> Problem:
    """The problem for a refusal of the shared rules."""
    return body_problem(error.code, sentence(str(error)), error.pointer)


def sentence(text: str) -> str:
    """An error message of the shared rules as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def problem_from_validation(error: RequestValidationError) -> Problem:
    """The problem for pydantic's errors, without the values that were sent."""
    items = error.errors()
    if any(item["loc"][:1] == ("path",) for item in items):
        return Problem("not_found")
    errors = [_field_error(item) for item in items[:ERRORS_MAX]]
    specific = [item["code"] for item in errors if item["code"] in KINDS]
    detail = sentence(errors[0]["detail"]) if len(errors) == 1 else None
    return Problem(specific[0] if specific else "validation_failed", detail, errors=errors)


def problem_from_http(error: HTTPException) -> Problem:
    """The problem for an error of the framework: no such route, or another method."""
    if error.status_code == 405:
        return Problem("method_not_allowed")
    return Problem("not_found" if error.status_code == 404 else "json_malformed")


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    code = _FIELD_CODES.get(item["type"], item["type"])
    if code not in KINDS and code not in _FIELD_CODES.values():
        code = _FIELD_INVALID
    place, *path = item["loc"]
    found = {"code": code, "detail": str(item["msg"])}
    if place == "body":
        return {"pointer": pointer_to(path), **found}
    return {"in": str(place), "parameter": str(path[0]) if path else "", **found}


def pointer_to(path: Sequence[object]) -> str:
    """A JSON Pointer (RFC 6901) to a place in the body, "" for the whole body."""
    return "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1")[:100]
        for part in path
        if part != "[key]"
    )


def problem_response(problem: Problem, instance: str) -> JSONResponse:
    """The HTTP response for a problem."""
    return JSONResponse(
        problem.document(instance),
        status_code=problem.kind.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler of the application for every error that becomes a response."""
    problem = as_problem(error)
    if problem.kind.status == 405:
        problem.headers["Allow"] = _methods_at(request)
    return problem_response(problem, request.scope["state"]["instance"])


def _methods_at(request: Request) -> str:
    """The methods of every route of this path; the framework lists only those of the first."""
    path, found = request.scope["path"], set()
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex.match(path):
            found |= route.methods or set()
    return ", ".join(sorted(found))


def as_problem(error: Exception) -> Problem:
    """The problem for an error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, InvalidCommand):
        return problem_from_command(error)
    if isinstance(error, RateStale):
        return Problem("rate_unavailable", RATE_STALE, temporary=True)
    if isinstance(error, WebhookRefused):
        return Problem(error.code, error.detail)
    if isinstance(error, RequestValidationError):
        return problem_from_validation(error)
    if isinstance(error, HTTPException):
        return problem_from_http(error)
    return Problem("internal_error")
