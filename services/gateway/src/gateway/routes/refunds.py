"""Refunds: (part of) a completed deposit goes back where it came from."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from cift_shared.ids import PaymentId
from gateway.accept import Origin, refund_acceptance, refund_amount
from gateway.once import ACCEPTED, accept, replay, request_key
from gateway.problems import Problem
from gateway.replies import PaymentOut
from gateway.routing import MONEY_HEADERS, ApiRoute, Known, Running, needs, refusals
from gateway.schemas import RefundIn

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["refunds"])

_REFUSALS = (
    "idempotency_key_missing",
    "idempotency_key_in_flight",
    "payment_not_found",
    "not_refundable",
    "refund_exceeds_captured",
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
    gateway: Running,
    caller: Known,
    order: RefundIn | None = None,
) -> Response:
    """Accept a refund; without an amount, of all that is left.

    Our fee is given back in proportion; the customer's balance pays the rest.
    """
    key = request_key(request, caller, gateway, route="POST /payments/{payment_id}/refunds")
    if answer := await replay(gateway, key):
        return answer
    parent = await gateway.store.payment(caller, payment_id)
    if parent is None:
        raise Problem("payment_not_found")
    order = order or RefundIn()
    amount = refund_amount(order, parent)
    origin = Origin(PaymentId(gateway.ids.new_id()), caller, gateway.clock.now())
    acceptance = refund_acceptance(order, amount, parent, origin)
    return await accept(gateway, key, acceptance, request)
