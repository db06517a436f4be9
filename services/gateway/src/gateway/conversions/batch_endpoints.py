"""The endpoint of batches of conversions: many exchanges in one request."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from gateway.conversions.commands import conversions_path
from gateway.conversions.endpoints import CONVERT_ROUTE, decision_answer
from gateway.conversions.requests import ConversionBatchIn, ConversionItemIn
from gateway.conversions.responses import ConversionBatchOut
from gateway.conversions.service import Conversions
from gateway.http.api_route import needs, refusals
from gateway.http.batches import BatchRoute, batch_answer, read_item, request_of
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.parts import part
from gateway.idempotency.header import item_key

router = APIRouter(prefix="/api/v1", route_class=BatchRoute, tags=["conversions"])


@router.post(
    "/conversions/batch",
    response_model=ConversionBatchOut,
    responses=refusals(body=True),
    **needs("conversions:write"),
)
async def convert_many(
    body: ConversionBatchIn,
    request: Request,
    conversions: Annotated[Conversions, part(Conversions)],
    ids: Annotated[OpaqueIds, part(OpaqueIds)],
) -> Response:
    """Carry out up to 500 conversions, each as if it came alone.

    Each item is judged and answered like `POST /customers/{customer_id}/conversions` with its
    idempotency key: the answer is 200 even if every item is refused. The order in which items are
    judged is not defined, except that an item with the key of an earlier one is a repeat of that.
    """

    async def judge(given: Any) -> Response:
        item = read_item(ConversionItemIn, given)
        path = conversions_path(item.customer_id)
        single = (CONVERT_ROUTE, path, request_of(given, "customer_id"))
        key = item_key(request, item.idempotency_key, single, conversions.vault)
        return decision_answer(await conversions.convert(item.customer_id, item, key), ids)

    return await batch_answer(request, body.items, judge)
