"""For operators: alive, ready, measured, described."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.responses import JSONResponse

from cift_shared import metrics
from gateway.docs_page import docs_page
from gateway.problems import Problem
from gateway.routing import PUBLIC, ApiRoute, Running

router = APIRouter(route_class=ApiRoute, include_in_schema=False)


@router.get("/healthz", **PUBLIC)
async def healthz(request: Request) -> dict[str, str]:
    """The process answers, and still reads what workers tell it."""
    broker = request.app.state.broker
    if broker is not None and broker.dead_tasks():
        raise Problem("unavailable", "A reader of messages has ended.")
    return {"status": "ok"}


@router.get("/readyz", **PUBLIC)
async def readyz(gateway: Running) -> dict[str, str]:
    """The database answers as well, so payments can be accepted."""
    if not await gateway.store.answers():
        raise Problem("unavailable", "The database can't be reached.")
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
    """The API and its problems as a page, without scripts."""
    return HTMLResponse(docs_page(request.app.openapi()))
