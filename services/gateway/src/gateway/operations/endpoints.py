"""Endpoints for operators: liveness, readiness, metrics, the API's description."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.responses import JSONResponse

from cift_shared.observability import metrics
from cift_shared.runtime.readiness import Readiness
from gateway.http.api_route import PUBLIC, OperationsRoute
from gateway.http.parts import part
from gateway.openapi.docs_page import CONTENT_SECURITY_POLICY, docs_page, read_assets
from gateway.problems.problem import Problem

ASSET_AGE_S = 3600
_ASSETS = read_assets()

router = APIRouter(route_class=OperationsRoute, include_in_schema=False)


@router.get("/healthz", **PUBLIC)
async def healthz(request: Request) -> dict[str, str]:
    """The process responds, and its consumers of workers' messages are running."""
    brokers = (request.app.state.broker, request.app.state.rail_broker)
    if any(broker is not None and broker.dead_tasks() for broker in brokers):
        raise Problem("unavailable", "A consumer of messages has stopped.")
    return {"status": "ok"}


@router.get("/readyz", **PUBLIC)
async def readyz(readiness: Annotated[Readiness, part(Readiness)]) -> dict[str, str]:
    """The database answers as well and its schema fits, so payments can be accepted."""
    problem = await readiness.problem()
    if problem is not None:
        raise Problem("unavailable", f"{problem[:1].upper()}{problem[1:]}.")
    return {"status": "ok"}


@router.get("/metrics", **PUBLIC)
async def measured() -> Response:
    """Everything measured, in the Prometheus text format."""
    body, content_type = metrics.exposition()
    return Response(body, media_type=content_type)


@router.get("/openapi.json", **PUBLIC)
async def described(request: Request) -> JSONResponse:
    """The API as an OpenAPI 3.1 document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", **PUBLIC)
async def shown(request: Request) -> HTMLResponse:
    """The API and its problems as a page, with a way to try each operation."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return HTMLResponse(docs_page(request.app.openapi()), headers=headers)


@router.get("/docs/{name}", **PUBLIC)
async def asset(name: str, request: Request) -> Response:
    """A file of that page."""
    found = _ASSETS.get(name)
    if found is None:
        raise Problem("not_found")
    headers = {"ETag": found.etag, "Cache-Control": f"public, max-age={ASSET_AGE_S}"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
