"""Endpoints of providers' notices, one for each address that a rail lists.

    admit the head -> read the body -> evidence -> stored -> the provider's acknowledgement

The notice is stored before it is acknowledged; the worker verifies its content.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from cift_shared.rails.gateway import gateway_rails
from cift_shared.rails.registry import rails
from cift_shared.rails.webhooks import WebhookRoute
from gateway.http.api_route import NoticeRoute, notice_body, refusals
from gateway.http.parts import part
from gateway.openapi.text import PROVIDERS_TAG
from gateway.webhooks.intake import Intake

TheIntake = Annotated[Intake, part(Intake)]
Endpoint = Callable[..., Awaitable[JSONResponse]]


def webhook_router() -> APIRouter:
    """The addresses of every installed rail."""
    router = APIRouter(prefix="/api/v1", route_class=NoticeRoute, tags=[PROVIDERS_TAG])
    for name, rail in gateway_rails().items():
        for route in rail.webhooks:
            _add(router, rails()[name].provider, route)
    return router


def _add(router: APIRouter, provider: str, route: WebhookRoute) -> None:
    codes = [*route.refusals, "request_timeout", "body_too_large"]
    if route.is_limited:
        codes.append("too_many_notices")
    taken: dict[int | str, dict[str, Any]] = {
        200: {
            "description": route.stored,
            "content": {"application/json": {"example": dict(route.acknowledgement)}},
        }
    }
    first, *others = route.methods
    names = {first: route.operation, **{one: f"{route.operation}By{one.title()}" for one in others}}
    for method, name in names.items():
        router.add_api_route(
            route.path,
            _endpoint(provider, route),
            methods=[method],
            operation_id=name,
            description=route.about,
            responses={**taken, **refusals(*codes, public=True)},
            openapi_extra=notice_body(*route.example),
        )


def _endpoint(provider: str, route: WebhookRoute) -> Endpoint:
    async def take(request: Request, intake: TheIntake) -> JSONResponse:
        return JSONResponse(await intake.take(provider, route, request))

    async def take_on_path(token: str, request: Request, intake: TheIntake) -> JSONResponse:
        return JSONResponse(await intake.take(provider, route, request, token))

    return take_on_path if "{token}" in route.path else take
