"""The endpoint of refunds: return a completed deposit, or a part of it, to the payer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from cift_shared.rails.registry import rails
from gateway.http.api_route import KEYED, MONEY_HEADERS, ApiRoute, Known, needs, refusals
from gateway.http.parts import part
from gateway.idempotency.header import request_key
from gateway.payments.answers import ACCEPTED, decision_answer
from gateway.payments.requests import RefundIn
from gateway.payments.responses import PaymentOut
from gateway.payments.service import Payments

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["refunds"])

_REFUSALS = (
    *KEYED,
    "amount_invalid",
    "amount_not_whole",
    "amount_out_of_limits",
    "payment_not_found",
    "not_refundable",
    "refund_exceeds_captured",
    *(rail.refusal_code("refund") for rail in rails().values() if "refund" in rail.refusals),
)


@router.post(
    "/payments/{payment_id}/refunds",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses=refusals(*_REFUSALS, body=True),
    **needs("refunds:write", headers=MONEY_HEADERS),
)
async def refund_payment(
    payment_id: UUID,
    request: Request,
    payments: Annotated[Payments, part(Payments)],
    caller: Known,
    body: RefundIn | None = None,
) -> Response:
    """Accept a refund; without an amount, all that is left is refunded.

    Our fee is returned in proportion to the amount; the rest is debited from the customer's
    balance.
    """
    route = "POST /payments/{payment_id}/refunds"
    key = request_key(request, caller, payments.vault, route=route)
    decision = await payments.refund(payment_id, body or RefundIn(), key)
    return await decision_answer(decision, request, payments)
