"""Browser pages: a card form like that of Stripe.js, and the bank's 3-D Secure page.

Both have a strict content security policy: no script, style, frame or address of another origin.
Forms may only lead to this process and to the merchant's return address.
"""

import html
import json
import re
import secrets
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from provider_sandbox.stripe import challenges, form, money, outcomes
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext


def pages_router(context: RequestContext) -> APIRouter:
    """The routes of the pages under ``/sandbox``."""
    router = APIRouter(prefix="/sandbox", tags=["pages"])
    _add_card_form(router, context)
    _add_challenge(router, context)
    return router


def _add_card_form(router: APIRouter, context: RequestContext) -> None:
    @router.get("/card-form")
    async def card_form(client_secret: str, return_url: str = "") -> Response:
        """A form that confirms a PaymentIntent or SetupIntent with an entered test card."""
        name = client_secret.partition("_secret_")[0]
        intent = context.objects.get(name)
        if intent is None or intent.body.get("client_secret") != client_secret:
            return _gone("There is no such payment.")
        if return_url and not _ORIGIN.match(return_url):
            return _gone("return_url must begin with http:// or https://")
        kind = intent.body["object"]
        script_data = {
            "key": context.twin.settings.stripe_publishable_key,
            "secret": client_secret,
            "confirm": f"/v1/{kind}s/{name}/confirm",
            "returnUrl": return_url,
            "object": kind,
        }
        return _page("card-form.html", _summary(intent), script_data, connects=True)

    @router.get("/done")
    async def done() -> Response:
        """The last page of the card form when there is no return address."""
        return _page("done.html", {}, {})


def _add_challenge(router: APIRouter, context: RequestContext) -> None:
    @router.get("/3ds/{intent}/{source}")
    async def ask(intent: str, source: str) -> Response:
        """The bank's page, which asks the cardholder to approve."""
        record = context.objects.get(intent)
        if record is None or not challenges.is_open(record, source):
            return _gone("This request is over.")
        return_url = record.hidden.get("return_url") or ""
        return _page("3ds.html", _summary(record), {}, leads_to=return_url)

    @router.post("/3ds/{intent}/{source}")
    async def answer(request: Request, intent: str, source: str) -> Response:
        """The cardholder approves, fails, or leaves the challenge open."""
        record = context.objects.get(intent)
        if record is None or not challenges.is_open(record, source):
            return _gone("This request is over.")
        return_url = record.hidden.get("return_url")
        outcome = form.pairs((await request.body()).decode()).get("outcome")
        if outcome == "approve":
            outcomes.end(context, record, "approve")
        elif outcome == "fail":
            outcomes.end(context, record, "fail")
        target = _returning(record, return_url) if return_url else str(request.url_for("done"))
        return RedirectResponse(target, 303, headers=_HEADERS)


def _returning(intent: Record, return_url: str) -> str:
    """The merchant's return address with the parameters that Stripe adds."""
    kind = intent.body["object"]
    parts = urlsplit(return_url)
    added = {
        kind: intent.id,
        f"{kind}_client_secret": intent.body["client_secret"],
        "source_type": "card",
    }
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *added.items()])
    return urlunsplit(parts._replace(query=query))


def _summary(intent: Record) -> dict[str, str]:
    body = intent.body
    if "amount" not in body:
        return {"what": "Save a card", "name": intent.id}
    return {"what": money.shown(body["amount"], body["currency"]), "name": intent.id}


_ORIGIN = re.compile(r"https?://[\w.:\[\]-]+", re.ASCII)
"""Scheme and host of an address; its characters can't end the policy rule that contains it."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def _page(
    name: str,
    words: dict[str, str],
    script_data: dict[str, Any],
    *,
    connects: bool = False,
    leads_to: str = "",
) -> Response:
    """A page with its own nonce.

    Args:
        name: the name of the template.
        words: values that replace ``{{name}}``, escaped.
        script_data: data for the page's script.
        connects: whether the script calls this process.
        leads_to: another address to which its form may lead, after a redirect.
    """
    nonce = secrets.token_urlsafe(16)
    data = json.dumps(script_data).replace("<", "\\u003c")
    text = files("provider_sandbox.stripe").joinpath(f"data/{name}").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", html.escape(value))
    text = text.replace("{{nonce}}", nonce).replace("{{data}}", data)
    origin = f" {found[0]}" if (found := _ORIGIN.match(leads_to)) else ""
    calls = "'self'" if connects else "'none'"
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        f"connect-src {calls}; form-action 'self'{origin}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(text, headers=_HEADERS | {"Content-Security-Policy": policy})


def _gone(text: str) -> Response:
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return HTMLResponse(f"<p>{html.escape(text)}</p>", 404, headers=_HEADERS | policy)
