"""``/control/paypal``: act as a payer, end what is open, script e-mail addresses, show objects."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.paypal import (
    captures,
    disputes,
    events,
    ledger,
    money,
    oauth,
    orders,
    pages,
    payers,
    payout_items,
    refunds,
    vault,
)
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import RequestContext
from provider_sandbox.paypal.transitions import IllegalTransition

Currency = Annotated[str, Path(pattern="^[A-Z]{3}$")]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decision(_Order):
    """What the payer of an order does."""

    outcome: Literal["approve", "cancel", "abandon"]
    email: str | None = Field(default=None, pattern=r"^[^@\s]{1,64}@[^@\s]{1,180}$")
    """The payer's account; the order's payer if it is left out."""


class Agreement(_Order):
    """The account of a payer."""

    email: str = Field(default="pays@example.com", pattern=r"^[^@\s]{1,64}@[^@\s]{1,180}$")


class Script(_Order):
    """The behaviour of an address."""

    behaviour: str


class Amount(_Order):
    """An amount in a currency's unit."""

    amount: str = Field(pattern=r"^\d{1,9}(\.\d\d)?$")


class CaptureEnd(_Order):
    """How a pending capture ends."""

    status: Literal["COMPLETED", "DECLINED"]


class RefundEnd(_Order):
    """How a refund ends; FAILED also for one that was completed."""

    status: Literal["COMPLETED", "FAILED", "CANCELLED"]


class ItemEnd(_Order):
    """The next status of a payout's item."""

    status: Literal[
        "SUCCESS", "FAILED", "UNCLAIMED", "RETURNED", "ONHOLD", "BLOCKED", "REFUNDED", "REVERSED"
    ]


class DisputeOrder(_Order):
    """A dispute of a capture."""

    reason: Literal[
        "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
        "UNAUTHORISED",
        "DUPLICATE_TRANSACTION",
        "INCORRECT_AMOUNT",
    ] = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
    amount: str | None = Field(default=None, pattern=r"^\d{1,7}(\.\d\d)?$")
    inquiry: bool = False


class Verdict(_Order):
    """PayPal's decision on a dispute."""

    favour: disputes.Favour


def paypal_control_router(context: RequestContext) -> APIRouter:
    """The control routes of PayPal."""
    router = APIRouter(prefix="/control/paypal", tags=["control"])
    _add_views(router, context)
    _add_payers(router, context)
    _add_ends(router, context)
    _add_disputes(router, context)
    return router


def _add_views(router: APIRouter, context: RequestContext) -> None:
    @router.get("/root-certificate")
    async def root() -> Response:
        """The certificate of the test authority, which a receiver of events must trust."""
        return Response(context.signer.root_pem, media_type="application/x-pem-file")

    @router.get("/balances")
    async def balances() -> dict[str, str]:
        """Our balance in every currency."""
        return ledger.balances(context)

    @router.put("/balances/{currency}", status_code=204)
    async def set_balance(currency: Currency, wanted: Amount) -> None:
        """Set our balance in a currency."""
        if currency not in money.CURRENCIES:
            raise HTTPException(404, f"no currency {currency}")
        ledger.set_balance(context, currency, Decimal(wanted.amount))

    @router.get("/objects/{kind}")
    async def listed(kind: str) -> dict[str, Any]:
        """Every object of a kind, with the data that only the twin uses."""
        rows = context.objects.all(kind)
        return {
            row.id: {"status": row.status, "parent": row.parent, "body": row.body, **row.hidden}
            for row in rows
        }

    @router.get("/violations")
    async def violations() -> dict[str, Any]:
        """Status changes that PayPal never makes; always empty in a correct twin."""
        return {"violations": context.objects.violations}

    @router.post("/events/{name}/resend", status_code=202)
    async def resend(name: str) -> None:
        """Post an event once more."""
        with context.twin.store.transaction():
            events.resend(context, _found(context, "event", name))

    @router.post("/tokens/expire")
    async def expire_tokens() -> dict[str, int]:
        """Expire every access token."""
        return {"expired": oauth.expire_all(context.twin)}


def _add_payers(router: APIRouter, context: RequestContext) -> None:
    @router.get("/behaviours")
    async def behaviours() -> dict[str, list[str]]:
        """The names of scripted payers and receivers."""
        return {"payers": sorted(payers.PAYERS), "receivers": sorted(payers.RECEIVERS)}

    @router.put("/payers/{email}", status_code=204)
    async def script(email: str, wanted: Script) -> None:
        """Give an e-mail address a behaviour, of payers or of receivers."""
        if wanted.behaviour not in payers.PAYERS | payers.RECEIVERS:
            raise HTTPException(422, f"no behaviour {wanted.behaviour}")
        payers.script(context.twin.store, email, wanted.behaviour)

    @router.post("/orders/{name}")
    async def decide(name: str, wanted: Decision) -> dict[str, Any]:
        """Act as the payer; the answer has the address to which the browser would return."""
        order = _found(context, "order", name)
        if order.status not in orders.OPEN:
            raise HTTPException(409, f"the order is {order.status}")
        if wanted.outcome == "abandon":
            return {"returns_to": None}
        if wanted.outcome == "cancel":
            return {"returns_to": pages.address(order.hidden["cancel_url"], {"token": order.id})}
        with context.twin.store.transaction():
            orders.approve(context, order, wanted.email or order.hidden["email"])
        return {"returns_to": pages.address(order.hidden["return_url"], pages.returning(order))}

    @router.post("/setup-tokens/{name}", status_code=204)
    async def agree(name: str, wanted: Agreement) -> None:
        """Act as the payer who agrees that the account is saved."""
        with _allowed(context):
            vault.approve(context, _found(context, "setup", name), wanted.email)

    @router.post("/orders/{name}/expire", status_code=204)
    async def expire(name: str) -> None:
        """End the time of an order, or of its approval."""
        with _allowed(context):
            orders.expire(context, _found(context, "order", name))


def _add_ends(router: APIRouter, context: RequestContext) -> None:
    @router.post("/captures/{name}")
    async def end_capture(name: str, wanted: CaptureEnd) -> dict[str, Any]:
        """End a pending capture."""
        capture = _found(context, "capture", name)
        if capture.status != "PENDING":
            raise HTTPException(409, f"the capture is {capture.status}")
        with _allowed(context):
            captures.end(context, capture, wanted.status)
        return captures.whole_view(context, capture)

    @router.post("/refunds/{name}")
    async def end_refund(name: str, wanted: RefundEnd) -> dict[str, Any]:
        """Give a refund its later status."""
        refund = _found(context, "refund", name)
        if refund.status == wanted.status:
            raise HTTPException(409, f"the refund is {refund.status}")
        with _allowed(context):
            refunds.end(context, refund, wanted.status)
        return refunds.view(context, refund, whole=True)

    @router.post("/items/{name}")
    async def end_item(name: str, wanted: ItemEnd) -> dict[str, Any]:
        """Give a payout's item its next status."""
        item = _found(context, "item", name)
        if item.status == wanted.status:
            raise HTTPException(409, f"the item is {item.status}")
        item.hidden["course"] = []
        with _allowed(context):
            payout_items.change(context, item, wanted.status)
        return payout_items.view(context, item)


def _add_disputes(router: APIRouter, context: RequestContext) -> None:
    @router.post("/captures/{name}/disputes", status_code=201)
    async def open_dispute(name: str, wanted: DisputeOrder) -> dict[str, Any]:
        """Open a dispute of a completed capture."""
        capture = _found(context, "capture", name)
        if capture.status not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            raise HTTPException(409, f"the capture is {capture.status}")
        with _allowed(context):
            dispute = disputes.open_for(context, capture, **wanted.model_dump())
        return disputes.view(context, dispute)

    @router.post("/disputes/{name}")
    async def decide(name: str, wanted: Verdict) -> dict[str, Any]:
        """Apply PayPal's decision on a dispute."""
        dispute = _found(context, "dispute", name)
        if dispute.status == "RESOLVED":
            raise HTTPException(409, "the dispute is resolved")
        with _allowed(context):
            disputes.decide(context, dispute, wanted.favour)
        return disputes.view(context, dispute)


@contextmanager
def _allowed(context: RequestContext) -> Iterator[None]:
    """A transaction; a status change that PayPal never makes is an error of the request here."""
    try:
        with context.twin.store.transaction():
            yield
    except IllegalTransition as step:
        if str(step) in context.objects.violations:
            context.objects.violations.remove(str(step))
        raise HTTPException(409, str(step)) from step


def _found(context: RequestContext, kind: str, name: str) -> Record:
    record = context.objects.get(kind, name)
    if record is None:
        raise HTTPException(404, f"no {kind} {name}")
    return record
