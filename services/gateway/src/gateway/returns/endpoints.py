"""The endpoint to which a provider's page redirects the payer's browser."""

from typing import Annotated

from fastapi import APIRouter, Response
from starlette.responses import HTMLResponse, RedirectResponse

from gateway.http.api_route import PUBLIC, NoticeRoute, refusals
from gateway.http.parts import part
from gateway.openapi.text import PROVIDERS_TAG
from gateway.returns.service import Returns

SEE_OTHER = 303
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>Payment</title></head>"
    "<body><p>You can close this page and go back to the shop.</p></body></html>"
)
"""The page for a payment without a `return_url`."""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address has the payment's token
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

# NoticeRoute: a provider may add its own query parameters to the address.
router = APIRouter(prefix="/api/v1", route_class=NoticeRoute, tags=[PROVIDERS_TAG])


@router.get(
    "/returns/{token}",
    response_class=Response,
    responses={
        200: {
            "description": "The payment has no `return_url`: a page for the payer.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        SEE_OTHER: {
            "description": "Redirect to the payment's `return_url`, with `payment_id` and `payer` "
            "(`returned` or `canceled`) added."
        },
        **refusals("not_found", public=True),
    },
    **PUBLIC,
)
async def take_payer(token: str, returns: Annotated[Returns, part(Returns)]) -> Response:
    """Receive the payer's browser from a provider's page and redirect it to the merchant.

    The provider is queried about the payment, and the browser is redirected to its `return_url`.
    The parameters of that address prove nothing: read the payment.
    """
    address = await returns.take(token)
    if address is None:
        return HTMLResponse(PAGE, headers=HEADERS)
    return RedirectResponse(address, SEE_OTHER, headers=HEADERS)
