"""The endpoint of batches of payments: many deposits and withdrawals in one request."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from gateway.http.api_route import Known, needs, refusals
from gateway.http.batches import BatchRoute, batch_answer, read_item, request_of
from gateway.http.parts import part
from gateway.idempotency.header import item_key
from gateway.payments.answers import immediate_answer
from gateway.payments.commands import PAYMENTS_PATH
from gateway.payments.endpoints import CREATE_ROUTE, WRITE_SCOPE
from gateway.payments.requests import PaymentBatchIn, PaymentItemIn
from gateway.payments.responses import PaymentBatchOut
from gateway.payments.service import Payments

router = APIRouter(prefix="/api/v1", route_class=BatchRoute, tags=["payments"])


@router.post(
    "/payments/batch",
    response_model=PaymentBatchOut,
    responses=refusals(body=True),
    **needs("payments:write", "payouts:write"),
)
async def create_payments(
    body: PaymentBatchIn,
    request: Request,
    payments: Annotated[Payments, part(Payments)],
    caller: Known,
) -> Response:
    """Accept up to 500 deposits and withdrawals, each as if it came alone.

    Each item is judged and answered like `POST /payments` with its idempotency key: the answer is
    200 even if every item is refused. The order in which items are judged is not defined, except
    that an item with the key of an earlier one is a repeat of that.
    """

    async def judge(given: Any) -> Response:
        item = read_item(PaymentItemIn, given)
        caller.require(WRITE_SCOPE[item.type])
        single = (CREATE_ROUTE, PAYMENTS_PATH, request_of(given))
        key = item_key(request, item.idempotency_key, single, payments.vault)
        return immediate_answer(await payments.create(item, key))

    return await batch_answer(request, body.items, judge)
