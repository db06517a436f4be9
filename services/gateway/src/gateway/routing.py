"""How a request reaches its handler: who is calling, may they, and is the body fit to read.

    bearer key -> scope -> no card numbers -> size, time and form of the body -> the framework's own
    validation

A route says which scopes open it (`needs`) or that it is `PUBLIC`; one that says neither does not
come into being, so a forgotten check stops the start instead of opening a door.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from gateway.auth import Caller, Scope
from gateway.card_guard import holds_card_number
from gateway.context import Gateway
from gateway.idempotency import HEADER
from gateway.json_guard import CARD_NUMBER_TOLD, read_json
from gateway.limits import API_BODY_BYTES_MAX, read_body, refuse_encoded
from gateway.problems import KINDS, MEDIA_TYPE, Problem, parameter_problem

PARAMETER_CHARS_MAX = 100
_SCOPES = "x-scopes"
PUBLIC: Mapping[str, Any] = {"openapi_extra": {_SCOPES: [], "security": []}}
"""Options of a route that anyone may call."""

_WITH_KEY = ("unauthenticated", "scope_missing", "too_many_requests")
_COMMON = ("validation_failed", "internal_error", "unavailable")
_WITH_BODY = ("json_malformed", "request_timeout", "body_too_large", "content_type_unsupported")


MONEY_HEADERS: list[dict[str, Any]] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "New for each payment, the same for each retry.",
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
        "description": "`wait=N`: answer when the payment is final, after N seconds at most (60).",
        "schema": {"type": "string"},
    },
]
"""Headers of a request that moves money, for the OpenAPI description."""


METHOD_HEADERS: list[dict[str, Any]] = [
    {
        **MONEY_HEADERS[0],
        "required": False,
        "description": "For a card: with it, a repeat answers the card that was made first.",
    },
    {
        **MONEY_HEADERS[1],
        "description": "`wait=N`: seconds to wait for the provider; 5 without it, at most 60.",
    },
]
"""Headers of a request that saves a card, for the OpenAPI description."""


def needs(*any_of: Scope, headers: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Options of a route that a key with any of these scopes opens."""
    extra = {_SCOPES: list(any_of), "security": [{"api_key": []}]}
    return {"openapi_extra": extra | ({"parameters": headers} if headers else {})}


def refusals(*codes: str, body: bool = False, public: bool = False) -> dict[int | str, Any]:
    """The refusals of a route for its OpenAPI description, those of every route included."""
    common = _COMMON if public else (*_WITH_KEY, *_COMMON)
    titles: dict[int | str, list[str]] = {}
    for code in (*common, *(_WITH_BODY if body else ()), "content_encoding_unsupported", *codes):
        titles.setdefault(KINDS[code].status, []).append(code)
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {
        status: {"description": ", ".join(found), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, found in sorted(titles.items(), key=lambda item: int(item[0]))
    }


# Coroutines although they await nothing: the framework would send plain functions to a thread.
async def _gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def _caller_of(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Running = Annotated[Gateway, Depends(_gateway_of)]
Known = Annotated[Caller, Depends(_caller_of)]


class ApiRoute(APIRoute):
    """A route that checks the caller and guards the body before anything else happens."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _SCOPES not in (options.get("openapi_extra") or {}):
            raise InvariantViolated(f"{path}: a route needs scopes, or to be PUBLIC")
        super().__init__(path, endpoint, **options)

    @property
    def scopes(self) -> list[Scope]:
        """Any of these opens the route; none: it is public."""
        return list((self.openapi_extra or {})[_SCOPES])

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind our checks."""
        handle = super().get_route_handler()
        scopes = self.scopes
        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            if scopes:
                await _admit(request, scopes)
                _refuse_card_numbers(request)
            refuse_encoded(request)
            if takes_body:
                request = await _with_document(request)
            reply = await handle(request)
            failpoint("gateway.before_reply")
            return reply

        return guarded


async def _admit(request: Request, scopes: list[Scope]) -> None:
    gateway = await _gateway_of(request)
    caller = await gateway.authenticator.caller(request)
    request.state.caller = caller
    if not gateway.key_rate.allows(caller.key_id):
        raise Problem("too_many_requests")
    caller.require(*scopes)


def _refuse_card_numbers(request: Request) -> None:
    """Look at everything a caller may write outside the body and that we might keep or show.

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
                CARD_NUMBER_TOLD,
                place=place,
                name="" if named else name[:PARAMETER_CHARS_MAX],
            )


class _ReadRequest(Request):
    """A request whose JSON was read by us already."""

    document: Any = None

    async def json(self) -> Any:
        """The document, as our reader found it."""
        return self.document


async def _with_document(request: Request) -> Request:
    body = await read_body(request, bytes_max=API_BODY_BYTES_MAX)
    read = _ReadRequest(request.scope, _already_read(body))
    request.state.document = None
    if body:
        _require_json(request)
        read.document = request.state.document = read_json(body)
    return read


def _already_read(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _require_json(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Problem("content_type_unsupported")
