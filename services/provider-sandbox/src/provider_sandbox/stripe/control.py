"""``/control/stripe``: define cards, end open challenges, refunds and disputes, show objects."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.stripe import cards, challenges, disputes, events, ledger, outcomes, refunds
from provider_sandbox.stripe.challenges import Outcome
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext
from provider_sandbox.stripe.transitions import IllegalTransition

Token = Annotated[str, Path(pattern=r"^pm_card_\w{1,60}$")]


class DeclineOrder(BaseModel):
    """How a charge is declined."""

    model_config = ConfigDict(extra="forbid")

    code: str = "card_declined"
    decline_code: str | None = "generic_decline"
    advice_code: Literal["confirm_card_data", "do_not_try_again", "try_again_later"] | None = None
    message: str = "Your card was declined."


class CardOrder(BaseModel):
    """How a card behaves; a missing field is as for ``pm_card_visa``."""

    model_config = ConfigDict(extra="forbid")

    decline: DeclineOrder | None = None
    refuses_attach: bool = False
    challenge: cards.Challenge = "never"
    dispute: str | None = None
    inquiry: bool = False
    refund: cards.RefundCourse = "succeeds"
    available_at_once: bool = False
    processing_s: float = Field(default=0, ge=0)

    def behaviour(self) -> cards.Behaviour:
        """The behaviour as a row of the card table has it."""
        return cards.behaviour(
            asdict(cards.Behaviour()) | self.model_dump(exclude={"decline"}) | self._decline()
        )

    def _decline(self) -> dict[str, Any]:
        return {"decline": None if self.decline is None else self.decline.model_dump()}


class ChallengeEnd(BaseModel):
    """How a 3-D Secure challenge ends."""

    outcome: Outcome


class RefundEnd(BaseModel):
    """How a refund ends; also for one that has already succeeded."""

    status: Literal["succeeded", "failed"]
    reason: str = "declined"


class DisputeOrder(BaseModel):
    """A dispute to open."""

    reason: str = "fraudulent"
    inquiry: bool = False
    amount: int | None = Field(default=None, ge=1)


class Verdict(BaseModel):
    """The bank's decision on a dispute."""

    verdict: Literal["won", "lost", "warning_closed", "escalated"]
    fee_returned: bool = False


def stripe_control_router(context: RequestContext) -> APIRouter:
    """The control routes of the Stripe twin."""
    router = APIRouter(prefix="/control/stripe", tags=["control"])
    _add_views(router, context)
    _add_cards(router, context)
    _add_ends(router, context)
    _add_disputes(router, context)
    return router


def _add_views(router: APIRouter, context: RequestContext) -> None:
    @router.get("/payments")
    async def payments() -> dict[str, Any]:
        """The movements of each PaymentIntent in the book, with its status and metadata."""
        moved = ledger.by_intent(context)
        return {
            "payments": {name: row | _intent_fields(context, name) for name, row in moved.items()}
        }

    @router.get("/objects/{name}")
    async def show(name: str) -> dict[str, Any]:
        """The current state of an object of any kind."""
        return _object(context, name).body

    @router.get("/violations")
    async def violations() -> dict[str, Any]:
        """Status changes that Stripe never makes; always empty in a correct twin."""
        return {"violations": context.objects.violations}

    @router.post("/events/{name}/resend", status_code=202)
    async def resend(name: str) -> None:
        """Post an event once more."""
        with context.twin.store.transaction():
            events.resend(context, _object_of_kind(context, "event", name))

    @router.post("/keys/expire", status_code=204)
    async def expire_keys() -> None:
        """Delete every idempotency key, as Stripe may after a day."""
        context.twin.store.execute("DELETE FROM stripe_keys")


def _add_cards(router: APIRouter, context: RequestContext) -> None:
    @router.get("/cards")
    async def table() -> dict[str, Any]:
        """The test cards."""
        rows = cards.TOKENS.values()
        return {
            row.token: {"number": row.number, "brand": row.brand, **asdict(row.behaviour)}
            for row in rows
        }

    @router.put("/cards/{token}", status_code=204)
    async def define_card(token: Token, wanted: CardOrder) -> None:
        """Define the behaviour of a token."""
        cards.define(context.twin.store, token, wanted.behaviour())

    @router.put("/payment_methods/{name}", status_code=204)
    async def change(name: str, wanted: CardOrder) -> None:
        """Change the behaviour of a payment method."""
        method = _object_of_kind(context, "payment_method", name)
        method.hidden["behaviour"] = asdict(wanted.behaviour())
        context.objects.save(method)


def _add_ends(router: APIRouter, context: RequestContext) -> None:
    @router.post("/challenges/{intent}")
    async def end_challenge(intent: str, wanted: ChallengeEnd) -> dict[str, Any]:
        """End the open 3-D Secure challenge of an intent."""
        record = _object(context, intent)
        if not challenges.is_open(record, record.hidden.get("challenge") or "-"):
            raise HTTPException(409, "no challenge is open")
        outcomes.end(context, record, wanted.outcome)
        return record.body

    @router.post("/refunds/{name}")
    async def end_refund(name: str, wanted: RefundEnd) -> dict[str, Any]:
        """Give a refund its final status now."""
        record = _object_of_kind(context, "refund", name)
        refused = {
            "succeeded": ("succeeded", "failed", "canceled"),
            "failed": ("failed", "canceled"),
        }
        if record.status in refused[wanted.status]:
            raise HTTPException(409, f"the refund is {record.status}")
        with context.twin.store.transaction():
            refunds.finish(context, record, wanted.status, reason=wanted.reason)
        return record.body


def _add_disputes(router: APIRouter, context: RequestContext) -> None:
    @router.post("/charges/{name}/disputes", status_code=201)
    async def open_dispute(name: str, wanted: DisputeOrder) -> dict[str, Any]:
        """Open a dispute for a charge, or for the charge of a PaymentIntent."""
        record = _object(context, name)
        charge = _object_of_kind(context, "charge", record.body.get("latest_charge") or name)
        with context.twin.store.transaction():
            dispute = disputes.open_for(
                context, charge, reason=wanted.reason, inquiry=wanted.inquiry, amount=wanted.amount
            )
        if dispute is None:
            raise HTTPException(409, "nothing of the charge is left to dispute")
        return dispute.body

    @router.post("/disputes/{name}")
    async def decide(name: str, wanted: Verdict) -> dict[str, Any]:
        """Apply the bank's decision on a dispute."""
        dispute = _object_of_kind(context, "dispute", name)
        try:
            with context.twin.store.transaction():
                disputes.decide(context, dispute, wanted.verdict, fee_returned=wanted.fee_returned)
        except IllegalTransition as step:
            text = str(step)
            if text in context.objects.violations:  # an error of the request, not of the twin
                context.objects.violations.remove(text)
            raise HTTPException(409, text) from step
        return dispute.body


def _intent_fields(context: RequestContext, intent: str) -> dict[str, Any]:
    record = context.objects.get(intent)
    names = ("status", "amount", "metadata", "amount_received")
    return {} if record is None else {name: record.body[name] for name in names}


def _object(context: RequestContext, name: str) -> Record:
    record = context.objects.get(name)
    if record is None:
        raise HTTPException(404, f"no object {name}")
    return record


def _object_of_kind(context: RequestContext, kind: str, name: str) -> Record:
    record = _object(context, name)
    if record.body["object"] != kind:
        raise HTTPException(404, f"{name} is no {kind}")
    return record
