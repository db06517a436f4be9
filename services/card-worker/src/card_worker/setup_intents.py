"""Saved cards: stored at Stripe under a Stripe customer, for later payments.

setup     create the Stripe customer, then a setup intent. With a token the worker confirms it,
          else the browser does with the client secret: Saved | ActionRequired | Declined
detach    detach the card at Stripe: Detached

These requests move no money, so they may be repeated. Every result is read from Stripe.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from card_worker import declines, domain, mapping, wire
from card_worker.context import CARD_CONTEXT, NO_WAIT, Context, next_action
from card_worker.customers import Owner
from card_worker.stripe_call import CardRefused, RequestRefused
from cift_shared.attempts.processor import Answer, MethodAttempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestDetach, RequestSetup
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Declined,
    Detached,
    Expired,
    Failure,
    Pending,
    Saved,
    Submitted,
)


class SetupIntents:
    """Saves cards at Stripe, and detaches them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: MethodAttempt) -> Answer:
        """Create the Stripe customer, if missing, and the setup intent.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        context, request = self._context, attempt.request
        owner = Owner(request.merchant_id, request.livemode, request.customer_id)
        try:
            customer = await context.customers.find_or_create(
                owner, partial(self._create_customer, owner)
            )
            failpoint("card.before_setup")
            setup = await context.api.create_setup(
                {
                    "customer": customer,
                    "usage": "off_session",
                    "payment_method_types": ["card"],
                    "metadata": {
                        domain.ATTEMPT_NAME: str(attempt.attempt_id),
                        "cift_payment_method": str(request.payment_method_id),
                    },
                },
                domain.idempotency_key(attempt.attempt_id, "setup", attempt.checks),
            )
        except RequestRefused as error:
            return Answer(Declined(mapping.refusal_of(error.error)))
        failpoint("card.after_setup")
        memory = {"setup": setup.id, "customer": context.seal(customer, context=CARD_CONTEXT)}
        step = context.step("setup.created", setup=setup.id)
        fingerprint = context.fingerprint(setup.id)
        return Answer(Submitted(), memory, fingerprint, [step], check_after=NO_WAIT)

    async def check(self, attempt: MethodAttempt, notices: Sequence[Notice]) -> Answer:
        """Read the setup intent and take its next step; raises as `submit`."""
        del notices  # they only cause this check
        setup_id = attempt.memory.get("setup")
        if attempt.ended:
            return Answer(Pending())
        if setup_id is None:
            return await self.submit(attempt)
        setup = await self._context.api.retrieve_setup(setup_id)
        token = self._token(attempt)
        if isinstance(token, Failure):
            return await self._cancel(attempt, setup_id, token)
        return await self._decide(attempt, setup, token)

    async def detach(self, attempt: MethodAttempt) -> Answer:
        """Detach a card; one that no longer exists counts as detached; raises as `submit`."""
        request = attempt.request
        card = self._context.open(request.instrument.sealed) if request.instrument else None
        if card is None or not isinstance(request, RequestDetach):
            return Answer(Declined(declines.INSTRUMENT_UNREADABLE))
        key = domain.idempotency_key(attempt.attempt_id, "detach", attempt.checks)
        failpoint("card.before_detach")
        try:
            method = await self._context.api.detach_method(card, key)
        except RequestRefused as error:
            if error.error.code == "resource_missing":
                return Answer(Detached())
            method = await self._context.api.retrieve_method(card)
        failpoint("card.after_detach")
        if method.customer is None:
            return Answer(Detached())
        return Answer(Declined(declines.REQUEST_REFUSED))

    async def _create_customer(self, owner: Owner, key: str) -> str:
        """Create the Stripe customer, with our ids in its metadata but without personal data."""
        hashed = self._context.vault.fingerprint(owner.customer_id.encode(), context="customer")
        metadata = {"cift_merchant": owner.merchant_id, "cift_customer": hashed}
        created = await self._context.api.create_customer({"metadata": metadata}, key)
        return created.id

    def _token(self, attempt: MethodAttempt) -> str | Failure | None:
        """The token of the card to save; None when the request has none."""
        request = attempt.request
        if not isinstance(request, RequestSetup) or request.instrument is None:
            return None
        return self._context.open(request.instrument.sealed) or declines.INSTRUMENT_UNREADABLE

    async def _decide(
        self, attempt: MethodAttempt, setup: wire.SetupIntent, token: str | None
    ) -> Answer:
        context = self._context
        is_over = context.time_left(attempt) <= NO_WAIT
        match setup.status:
            case "succeeded":
                return self._saved(attempt, setup)
            case "canceled":
                return Answer(_ended(setup))
            case "processing":
                return Answer(Pending())
            case "requires_payment_method" | "requires_confirmation" | "requires_action" if is_over:
                return await self._cancel(attempt, setup.id, None)
            case "requires_action":
                return self._require_action(attempt, setup)
            case "requires_payment_method" | "requires_confirmation":
                if token is None:
                    return self._require_action(attempt, setup)
                if setup.last_setup_error is not None:
                    failure = mapping.failure_of(setup.last_setup_error)
                    return await self._cancel(attempt, setup.id, failure)
                return await self._confirm(attempt, setup, token)
        context.count_unknown("setup", setup.status)
        return Answer(Pending())

    async def _confirm(self, attempt: MethodAttempt, setup: wire.SetupIntent, token: str) -> Answer:
        request = attempt.request
        params: dict[str, Any] = {"payment_method": token}
        if isinstance(request, RequestSetup) and request.return_url:
            params["return_url"] = request.return_url
        key = domain.idempotency_key(attempt.attempt_id, "confirm", attempt.checks)
        failpoint("card.before_setup_confirm")
        try:
            confirmed = await self._context.api.confirm_setup(setup.id, params, key)
        except CardRefused as error:
            return await self._cancel(attempt, setup.id, mapping.failure_of(error.error))
        except RequestRefused as error:
            return await self._cancel(attempt, setup.id, mapping.refusal_of(error.error))
        failpoint("card.after_setup_confirm")
        if confirmed.status in ("requires_confirmation", "requires_payment_method"):
            return Answer(Pending(), check_after=self._context.retry_delay())
        return await self._decide(attempt, confirmed, token)

    def _require_action(self, attempt: MethodAttempt, setup: wire.SetupIntent) -> Answer:
        """The answer while the customer must enter a card, or confirm it with the bank."""
        kind = setup.next_action.type if setup.next_action else "confirm_setup"
        if attempt.memory.get("action") == kind:
            return Answer(Pending())
        action = next_action(self._context, "confirm_setup", setup.next_action, setup.client_secret)
        return Answer(ActionRequired(action), {"action": kind})

    async def _cancel(
        self, attempt: MethodAttempt, setup_id: str, failure: Failure | None
    ) -> Answer:
        """Cancel the setup intent before a decline or an expiry is reported."""
        key = domain.idempotency_key(attempt.attempt_id, "cancel", attempt.checks)
        failpoint("card.before_setup_cancel")
        try:
            setup = await self._context.api.cancel_setup(setup_id, key)
        except RequestRefused:
            setup = await self._context.api.retrieve_setup(setup_id)
        failpoint("card.after_setup_cancel")
        if setup.status == "succeeded":
            return self._saved(attempt, setup)
        if setup.status != "canceled":
            return Answer(Pending(), check_after=self._context.retry_delay())
        return Answer(Declined(failure) if failure else _ended(setup))

    def _saved(self, attempt: MethodAttempt, setup: wire.SetupIntent) -> Answer:
        context, method = self._context, setup.payment_method
        if method is None:
            return Answer(Pending())
        card = method.card
        card_hash = card.fingerprint if card else None
        outcome = Saved(
            instrument_sealed=context.seal(method.id, context=CARD_CONTEXT),
            customer_reference_sealed=attempt.memory.get("customer"),
            fingerprint=context.vault.fingerprint(card_hash.encode(), context=CARD_CONTEXT)
            if card_hash
            else None,
            public=mapping.card_of(card),
        )
        return Answer(outcome, evidence=[context.step("setup.succeeded", setup=setup.id)])


def _ended(setup: wire.SetupIntent) -> Declined | Expired:
    if setup.last_setup_error is not None:
        return Declined(mapping.failure_of(setup.last_setup_error))
    return Expired(declines.SETUP_EXPIRED)
