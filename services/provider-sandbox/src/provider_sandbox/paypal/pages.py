"""Pages for a payer's browser: ``/checkoutnow?token=<order>`` and ``/agreements/approve``.

They have a strict content security policy: no script, and forms that lead only to this process and
to the merchant's addresses.
"""

import html
import re
import secrets
from importlib.resources import files
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from provider_sandbox.paypal import ids, orders, vault
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import RequestContext

_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII)
"""Scheme and host of an address; its characters can't end the policy rule that contains it."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,180}")


def pages_router(context: RequestContext) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(tags=["pages"])
    _add_checkout(router, context)
    _add_agreement(router, context)
    return router


def _add_checkout(router: APIRouter, context: RequestContext) -> None:
    @router.get("/checkoutnow")
    async def ask(token: str) -> Response:
        """A page that asks the payer to approve or to cancel."""
        order = context.objects.get("order", token)
        if order is None or order.status not in orders.OPEN:
            return _gone("This payment cannot be approved any more.")
        amount = order.body["purchase_units"][0]["amount"]
        return _page(order, f"Pay {amount['value']} {amount['currency_code']}?")

    @router.post("/checkoutnow")
    async def decide(request: Request, token: str) -> Response:
        """The payer approves or cancels."""
        order = context.objects.get("order", token)
        if order is None or order.status not in orders.OPEN:
            return _gone("This payment cannot be approved any more.")
        agrees, email = await _decision(request, order)
        if not agrees:
            return _leave(order.hidden["cancel_url"], {"token": order.id})
        if not _EMAIL.fullmatch(email):
            return _gone("Enter an e-mail address.")
        with context.twin.store.transaction():
            orders.approve(context, order, email)
        return _leave(order.hidden["return_url"], returning(order))


def _add_agreement(router: APIRouter, context: RequestContext) -> None:
    @router.get("/agreements/approve")
    async def ask_to_save(approval_session_id: str) -> Response:
        """A page that asks the payer whether the account may be saved."""
        setup = context.objects.get("setup", approval_session_id)
        if setup is None or setup.status != "PAYER_ACTION_REQUIRED":
            return _gone("This request is over.")
        return _page(setup, "Save your account for later payments?")

    @router.post("/agreements/approve")
    async def save(request: Request, approval_session_id: str) -> Response:
        """The payer agrees or cancels."""
        setup = context.objects.get("setup", approval_session_id)
        if setup is None or setup.status != "PAYER_ACTION_REQUIRED":
            return _gone("This request is over.")
        agrees, email = await _decision(request, setup)
        told = {"approval_session_id": setup.id}
        if not agrees:
            return _leave(setup.hidden["cancel_url"], told)
        if not _EMAIL.fullmatch(email):
            return _gone("Enter an e-mail address.")
        with context.twin.store.transaction():
            vault.approve(context, setup, email)
        return _leave(setup.hidden["return_url"], told)


async def _decision(request: Request, record: Record) -> tuple[bool, str]:
    """Whether the payer agrees, and the e-mail address."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    return form.get("outcome") == "approve", form.get("email") or record.hidden["email"]


def returning(order: Record) -> dict[str, str]:
    """The parameters that PayPal adds to the return address."""
    return {"token": order.id, "PayerID": ids.account(order.hidden["email"])}


def address(url: str, added: dict[str, str]) -> str:
    """The merchant's address with parameters."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))


def _leave(url: str, added: dict[str, str]) -> Response:
    if not _ORIGIN.match(url):
        return HTMLResponse("<p>Done. You may close this page.</p>", headers=_HEADERS)
    return RedirectResponse(address(url, added), 303, headers=_HEADERS)


def _page(record: Record, question: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    words = {
        "question": question,
        "email": record.hidden["email"],
        "name": record.id,
        "nonce": nonce,
    }
    text = files("provider_sandbox.paypal").joinpath("data/approve.html").read_text("utf-8")
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", html.escape(value))
    urls = (record.hidden["return_url"], record.hidden["cancel_url"])
    origins = "".join(f" {found[0]}" for url in urls if (found := _ORIGIN.match(url)))
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{origins}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, headers=_HEADERS | {"Content-Security-Policy": policy})


def _gone(text: str) -> Response:
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return HTMLResponse(f"<p>{html.escape(text)}</p>", 404, headers=_HEADERS | policy)
