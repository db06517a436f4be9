"""Disputes: payers who had their bank take a deposit back."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.cursors import NameCursor, next_link, read_name_cursor
from gateway.disputes import dispute_out
from gateway.problems import Problem
from gateway.replies import DisputeOut, DisputesOut
from gateway.routing import ApiRoute, Known, Running, needs, refusals
from gateway.schemas import DisputesQuery

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["disputes"])

_NOT_FOUND = "dispute_not_found"
DisputeId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


@router.get("/disputes", responses=refusals(), **needs("read"))
async def list_disputes(
    query: Annotated[DisputesQuery, Query()],
    request: Request,
    response: Response,
    gateway: Running,
    caller: Known,
) -> DisputesOut:
    """Disputes from the newest to the oldest."""
    cursor = read_name_cursor(query.after)
    rows = await gateway.disputes.page(caller, query, cursor, rows_max=query.limit + 1)
    page, last = rows[: query.limit], rows[query.limit - 1] if len(rows) > query.limit else None
    after = NameCursor(last["opened_at"], last["reference"]).text() if last else None
    if after:
        given = dict(request.query_params)
        response.headers["Link"] = next_link(request.url.path, given, after)
    return DisputesOut(data=[dispute_out(row) for row in page], next_cursor=after)


@router.get("/disputes/{dispute_id}", responses=refusals(_NOT_FOUND), **needs("read"))
async def show_dispute(dispute_id: DisputeId, gateway: Running, caller: Known) -> DisputeOut:
    """One dispute, as the provider has told of it by now."""
    row = await gateway.disputes.one(caller, dispute_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return dispute_out(row)
