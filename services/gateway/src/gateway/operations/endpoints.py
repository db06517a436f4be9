"""The API's description, as a document and as a page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.responses import JSONResponse

from gateway.http.api_route import PUBLIC, DocumentRoute
from gateway.openapi.docs_page import CONTENT_SECURITY_POLICY, docs_page, read_assets
from gateway.problems.problem import Problem

ASSET_AGE_S = 3600
_ASSETS = read_assets()

router = APIRouter(route_class=DocumentRoute, include_in_schema=False)


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
