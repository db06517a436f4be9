"""Endpoint to have a payment looked at now."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from gateway.http.api_route import ApiRoute, Known, needs, refusals
from gateway.http.parts import part
from gateway.payments.answers import ACCEPTED
from gateway.payments.commands import payment_path
from gateway.payments.endpoints import WRITE_SCOPE
from gateway.payments.requests import VerifyIn
from gateway.payments.responses import PaymentOut
from gateway.payments.service import Payments
from gateway.payments.statuses import FINAL_STATUSES

FINAL = 200

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["payments"])


@router.post(
    "/payments/{payment_id}/verify",
    status_code=ACCEPTED,
    response_model=PaymentOut,
    responses={
        FINAL: {"model": PaymentOut, "description": "The payment is final: nothing is asked."},
        **refusals("payment_not_found", "verification_too_soon", body=True),
    },
    **needs("payments:write", "payouts:write", "refunds:write"),
)
async def verify_payment(
    payment_id: UUID,
    payments: Annotated[Payments, part(Payments)],
    caller: Known,
    wish: VerifyIn | None = None,
) -> Response:
    """Ask the provider about a payment now, and not at the next check by schedule.

    With a reference that you bring, it is asked about that as well. The answer shows the payment as
    it is; what the provider says follows. The provider is asked at most every 10 seconds.
    """
    payment = await payments.one(caller, payment_id)
    caller.require(WRITE_SCOPE[payment["type"]])
    payment = await payments.verify(caller, payment, wish.provider_reference if wish else None)
    return JSONResponse(
        payments.shown(payment).model_dump(mode="json"),
        status_code=FINAL if payment["status"] in FINAL_STATUSES else ACCEPTED,
        headers={"Location": payment_path(payment_id)},
    )
