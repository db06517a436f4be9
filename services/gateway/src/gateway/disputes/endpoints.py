"""Endpoints of disputes: deposits that payers had their banks take back."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.disputes.presenters import dispute_out
from gateway.disputes.repository import DisputeRepository
from gateway.disputes.requests import DisputesQuery
from gateway.disputes.responses import DisputeOut, DisputesOut
from gateway.http.api_route import ApiRoute, Known, needs, refusals
from gateway.http.cursors import NameCursor, read_name_cursor
from gateway.http.paging import page_of, window
from gateway.http.parts import part
from gateway.problems.problem import Problem

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["disputes"])

_NOT_FOUND = "dispute_not_found"
Disputes = Annotated[DisputeRepository, part(DisputeRepository)]
DisputeId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


@router.get("/disputes", responses=refusals(), **needs("read"))
async def list_disputes(
    query: Annotated[DisputesQuery, Query()],
    request: Request,
    response: Response,
    disputes: Disputes,
    caller: Known,
) -> DisputesOut:
    """Disputes from the newest to the oldest."""
    requested = window(query, read_name_cursor)
    found = await disputes.page(caller, query, requested)
    page = page_of(
        found, requested, lambda row: NameCursor(row["opened_at"], row["reference"]).text()
    )
    page.link(request, response)
    return DisputesOut(
        data=[dispute_out(row) for row in page.rows],
        next_cursor=page.next_cursor,
        previous_cursor=page.previous_cursor,
    )


@router.get("/disputes/{dispute_id}", responses=refusals(_NOT_FOUND), **needs("read"))
async def show_dispute(dispute_id: DisputeId, disputes: Disputes, caller: Known) -> DisputeOut:
    """One dispute, as last reported by the provider."""
    row = await disputes.one(caller, dispute_id)
    if row is None:
        raise Problem(_NOT_FOUND)
    return dispute_out(row)
