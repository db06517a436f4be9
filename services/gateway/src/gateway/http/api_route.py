"""The route class of the API: the checks that a request passes before its handler runs.

    database schema -> API key -> scope -> no card numbers -> no unknown query parameters -> size,
    time and format of the body -> the framework's own validation

A route declares the scopes that it requires (`needs`) or that it is `PUBLIC`. A route that declares
neither raises an error when it is created, so a forgotten declaration stops the start of the
service instead of leaving the route open.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.rails.registry import rail_refusals
from cift_shared.runtime.readiness import Readiness
from gateway.auth.authenticator import Caller, Scope
from gateway.http.admission import Admission
from gateway.http.json_body import CARD_NUMBER_DETAIL, read_json
from gateway.http.limits import API_BODY_BYTES_MAX, read_body, refuse_encoded
from gateway.http.pan_detector import holds_card_number
from gateway.http.parts import parts_of
from gateway.http.query_guard import known_parameters
from gateway.idempotency.header import HEADER
from gateway.openapi.text import operation_id
from gateway.problems.problem import KINDS, MEDIA_TYPE, TEMPORARY, Problem, parameter_problem

PARAMETER_CHARS_MAX = 100
_SCOPES = "x-scopes"
PUBLIC: Mapping[str, Any] = {"openapi_extra": {_SCOPES: [], "security": []}}
"""Options of a route that anyone may call."""


def notice_body(name: str, title: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of a provider's notice, which can have any body."""
    media = {"schema": {}, "examples": {name: {"summary": title, "value": dict(example)}}}
    body = {"content": {"application/json": media}}
    return {**PUBLIC["openapi_extra"], "requestBody": body}


_WITH_KEY = ("unauthenticated", "scope_missing", "too_many_requests", "card_number_refused")
_COMMON = ("validation_failed", "internal_error", "unavailable")
_WITH_BODY = (
    "json_malformed",
    "json_refused",
    "text_refused",
    "request_timeout",
    "body_too_large",
    "content_type_unsupported",
)
KEYED = (
    "idempotency_key_missing",
    "idempotency_key_malformed",
    "idempotency_key_reused",
    "idempotency_key_in_flight",
)
"""Refusals of a route that needs an idempotency key."""
PRICED = (
    "amount_invalid",
    "amount_not_whole",
    "amount_out_of_limits",
    "currency_unknown",
    "currency_unsupported",
    "method_unavailable",
    *rail_refusals(),
    "rate_unavailable",
    "network_fee_unknown",
)
"""Refusals of a route that prices a payment."""
PAID_WITH = (
    "payment_method_invalid",
    "phone_invalid",
    "country_unsupported",
    "return_url_invalid",
)
"""Refusals of a route that takes an instrument."""
MONEY_HEADERS: list[dict[str, Any]] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "New for each payment, the same for each retry.",
        "example": "order-1001",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": r"^[!#-~][!-~]*$",
        },
    },
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "`wait=N`: answer when the payment is final or has a `next_action` for "
        "you to pass on, after N seconds at most (60).",
        "example": "wait=30",
        "schema": {"type": "string"},
    },
]
"""Headers of a request that moves money, for the OpenAPI description."""
METHOD_HEADERS: list[dict[str, Any]] = [
    {
        **MONEY_HEADERS[0],
        "required": False,
        "description": "Only for instruments that are saved at the provider: a repeat with the"
        " same key returns the method that the first request created.",
    },
    {
        **MONEY_HEADERS[1],
        "description": "`wait=N`: seconds to wait for the provider; 5 without it, at most 60.",
    },
]
"""Headers of a request that saves an instrument, for the OpenAPI description."""


def needs(*any_of: Scope, headers: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Options of a route that requires an API key with at least one of these scopes."""
    extra = {_SCOPES: list(any_of), "security": [{"api_key": []}]}
    return {"openapi_extra": extra | ({"parameters": headers} if headers else {})}


def refusals(*codes: str, body: bool = False, public: bool = False) -> dict[int | str, Any]:
    """The OpenAPI responses for the refusals of a route, including those that every route has."""
    common = _COMMON if public else (*_WITH_KEY, *_COMMON)
    codes_by_status: dict[int | str, list[str]] = {}
    always = (*common, *(_WITH_BODY if body else ()), "content_encoding_unsupported")
    for code in dict.fromkeys((*always, *codes)):
        for kind in (KINDS[code], TEMPORARY.get(code)):
            if kind is not None:
                codes_by_status.setdefault(kind.status, []).append(code)
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {
        status: {"description": ", ".join(found), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, found in sorted(codes_by_status.items(), key=lambda item: int(item[0]))
    }


# A coroutine although it awaits nothing: the framework would run a plain function in a thread.
async def _caller_of(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Known = Annotated[Caller, Depends(_caller_of)]


class ApiRoute(APIRoute):
    """A route that checks the caller and the body before its handler runs."""

    needs_schema = True
    checks_query = True
    body_bytes_max = API_BODY_BYTES_MAX

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _SCOPES not in (options.get("openapi_extra") or {}):
            raise InvariantViolated(f"{path}: a route needs scopes, or to be PUBLIC")
        methods = set(options.pop("methods", None) or {"GET"})
        if "GET" in methods:
            methods.add("HEAD")  # RFC 9110, 9.3.2; `gateway.http.middleware` removes the body
        options["operation_id"] = options.get("operation_id") or operation_id(endpoint.__name__)
        super().__init__(path, endpoint, methods=methods, **options)

    @property
    def scopes(self) -> list[Scope]:
        """The scopes of which a caller needs at least one; empty for a public route."""
        return list((self.openapi_extra or {})[_SCOPES])

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, preceded by our checks."""
        handle = super().get_route_handler()
        scopes = self.scopes
        takes_body = self.body_field is not None
        parameters = known_parameters(self.dependant)

        async def guarded(request: Request) -> Response:
            if self.needs_schema:
                await _await_schema(request)
            if scopes:
                await parts_of(request)[Admission].admit(request, scopes)
                _refuse_card_numbers(request)
            if self.checks_query:
                parameters.check(request.query_params)
            refuse_encoded(request)
            if takes_body:
                request = await self._with_document(request)
            reply = await handle(request)
            failpoint("gateway.before_reply")
            return reply

        return guarded

    async def _with_document(self, request: Request) -> Request:
        body = await read_body(request, bytes_max=self.body_bytes_max)
        parsed = _ParsedRequest(request.scope, _receive_again(body))
        request.state.document = None
        if body:
            _require_json(request)
            parsed.document = request.state.document = self.read_document(body)
            self.admit_document(request, parsed.document)
        return parsed

    def read_document(self, body: bytes) -> Any:
        """The checked JSON document of a body.

        Raises:
            Problem: as `read_json`.
        """
        return read_json(body)

    def admit_document(self, request: Request, document: Any) -> None:
        """Check what a document costs beyond its request: nothing.

        Raises:
            Problem: too_many_requests, where a document costs more.
        """


class NoticeRoute(ApiRoute):
    """A route that accepts a provider's notice with any query parameters.

    Providers do not send a refused notice again, and a proxy on the way may add parameters.
    """

    checks_query = False


class DocumentRoute(ApiRoute):
    """A route that responds whatever the state of the database is."""

    needs_schema = False


async def _await_schema(request: Request) -> None:
    """Refuse requests until the database schema has been found to fit this release.

    Raises:
        SchemaRefused: the schema does not fit; the caller gets `unavailable`.
    """
    readiness = parts_of(request)[Readiness]
    if not readiness.was_ready:
        await readiness.require()


def _refuse_card_numbers(request: Request) -> None:
    """Check everything outside the body that a caller may write and that we might store or show.

    Raises:
        Problem: card_number_refused.
    """
    given = [
        *(("path", name, str(value)) for name, value in request.path_params.items()),
        *(("query", name, value) for name, value in request.query_params.multi_items()),
        *(("header", HEADER, value) for value in request.headers.getlist(HEADER)),
    ]
    for place, name, value in given:
        named = holds_card_number(name)
        if named or holds_card_number(value):
            raise parameter_problem(
                "card_number_refused",
                CARD_NUMBER_DETAIL,
                place=place,
                name="" if named else name[:PARAMETER_CHARS_MAX],
            )


class _ParsedRequest(Request):
    """A request whose JSON body we have already parsed."""

    document: Any = None

    async def json(self) -> Any:
        """The document that our reader parsed."""
        return self.document


def _receive_again(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _require_json(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Problem("content_type_unsupported")
