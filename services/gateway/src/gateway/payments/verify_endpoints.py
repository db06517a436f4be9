"""Endpoint that makes the worker query the provider about a payment now."""

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
        FINAL: {
            "model": PaymentOut,
            "description": "The payment is final: the provider is not queried.",
        },
        **refusals("payment_not_found", "verification_too_soon", body=True),
    },
    **needs("payments:write", "payouts:write", "refunds:write"),
)
async def verify_payment(
    payment_id: UUID,
    payments: Annotated[Payments, part(Payments)],
    caller: Known,
    body: VerifyIn | None = None,
) -> Response:
    """Query the provider about a payment now, instead of at the next scheduled check.

    With `provider_reference`, the provider is also queried about that reference. The response shows
    the payment as it is; the provider's result follows. A payment is queried at most every 10
    seconds.
    """
    payment = await payments.one(caller, payment_id)
    caller.require(WRITE_SCOPE[payment["type"]])
    payment = await payments.verify(caller, payment, body.provider_reference if body else None)
    return JSONResponse(
        payments.shown(payment).model_dump(mode="json"),
        status_code=FINAL if payment["status"] in FINAL_STATUSES else ACCEPTED,
        headers={"Location": payment_path(payment_id)},
    )
