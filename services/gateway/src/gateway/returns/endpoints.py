"""The address that a provider's page sends the payer's browser back to."""

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
"""For payers of a merchant that gave no `return_url`."""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address has the payment's token
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

# A provider adds parameters of its own to the address.
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
            "description": "On to the payment's `return_url`, with `payment_id` and `payer` "
            "(`returned` or `canceled`) added."
        },
        **refusals("not_found", public=True),
    },
    **PUBLIC,
)
async def take_payer(token: str, returns: Annotated[Returns, part(Returns)]) -> Response:
    """Where a provider's page sends the payer's browser.

    The payment is looked at once more; then the payer goes on to its `return_url`. What the browser
    says proves nothing: read the payment.
    """
    address = await returns.take(token)
    if address is None:
        return HTMLResponse(PAGE, headers=HEADERS)
    return RedirectResponse(address, SEE_OTHER, headers=HEADERS)
