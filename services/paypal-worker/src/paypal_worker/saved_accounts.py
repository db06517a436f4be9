"""Saved PayPal accounts, for withdrawals and for deposits without the payer.

setup     with an account: an address for withdrawals, which PayPal need not know: Saved
          without one: the payer approves on PayPal's page that we take later deposits; the approved
          setup token becomes a payment token, and the consent is stored: ActionRequired, then Saved
later     the owner may withdraw the approval at PayPal: the saved account fails
detach    delete the payment token at PayPal: Detached

These requests move no money, so they may be repeated.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Answer, MethodAttempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestDetach, RequestSetup
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Declined,
    Detached,
    Expired,
    Failure,
    FailureCategory,
    Pending,
    Saved,
    Submitted,
)
from paypal_method.accounts import Account, account_of
from paypal_worker import domain, issues, wire
from paypal_worker.consents import Consents
from paypal_worker.context import ACCOUNT_CONTEXT, NO_WAIT, Context
from paypal_worker.transport import RequestRefused
from paypal_worker.vault_wire import PaymentToken, SetupToken, setup_request, token_request

SETUP, CUSTOMER, TOKEN = "setup", "customer", "token"
"""Memory fields: ids of PayPal; the last one is sealed. Stored with attempts: never rename them."""
SETUP_LASTS_S = 9_000
"""How long a payer has to approve. PayPal keeps a setup token, and our request ids, three hours."""

_NOT_FOUND = 404
_UNAPPROVED = ("CREATED", "PAYER_ACTION_REQUIRED")

SETUP_EXPIRED = replace(
    issues.ACTION_EXPIRED, message="The PayPal account was not approved in time. Please try again."
)
APPROVAL_GONE = Failure(
    "approval_withdrawn", FailureCategory.INVALID,
    "The owner of the PayPal account has withdrawn the approval.", retryable=False,
)  # fmt: skip


class SavedAccounts:
    """Saves PayPal accounts, and deletes them."""

    def __init__(self, context: Context, consents: Consents) -> None:
        self._context = context
        self._consents = consents

    async def submit(self, attempt: MethodAttempt) -> Answer:
        """Save an address, or ask PayPal for the page where the payer approves.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        request = attempt.request
        if request.instrument is not None:
            return self._address(request.instrument.sealed)
        if not isinstance(request, RequestSetup) or request.return_url is None:
            return Answer(Declined(issues.REQUEST_REFUSED))
        context = self._context
        body = setup_request(request.return_url, context.config.brand_name)
        failpoint("paypal.before_setup")
        try:
            setup = await context.api.create_setup(body, f"{attempt.attempt_id}:setup")
        except RequestRefused as error:
            context.count_unknown("issue", error.issue)
            return Answer(Declined(issues.REQUEST_REFUSED))
        failpoint("paypal.after_setup")
        answer = self._require_action(attempt, setup)
        customer = setup.customer.id if setup.customer else None
        memory = {SETUP: setup.id, CUSTOMER: customer or "", **answer.memory}
        outcome = Submitted() if isinstance(answer.outcome, Pending) else answer.outcome
        # no fingerprint: it belongs to the payment token, which PayPal's events name
        return replace(answer, outcome=outcome, memory=memory)

    async def check(self, attempt: MethodAttempt, notices: Sequence[Notice]) -> Answer:
        """Read the approval, and take its next step; raises as `submit`."""
        del notices  # they only cause this check
        if attempt.ended:
            return await self._check_saved(attempt)
        setup_id = attempt.memory.get(SETUP)
        if not setup_id:
            return await self.submit(attempt)
        try:
            setup = await self._context.api.read_setup(setup_id)
        except RequestRefused as error:
            if error.status != _NOT_FOUND:
                raise
            return Answer(Expired(SETUP_EXPIRED))
        if setup.status in ("APPROVED", "VAULTED"):
            return await self._make_token(attempt, setup)
        if self._time_left(attempt) <= NO_WAIT:
            return Answer(Expired(SETUP_EXPIRED))
        if setup.status not in _UNAPPROVED:
            self._context.count_unknown("setup", setup.status)
            return Answer(Pending())
        return self._require_action(attempt, setup)

    async def detach(self, attempt: MethodAttempt) -> Answer:
        """Delete the approval at PayPal; one that is gone counts as deleted; raises as `submit`."""
        request = attempt.request
        text = self._context.open(request.instrument.sealed) if request.instrument else None
        account = account_of(text) if text else None
        if account is None or not isinstance(request, RequestDetach):
            return Answer(Declined(issues.ACCOUNT_UNREADABLE))
        if account.token is not None:
            failpoint("paypal.before_detach")
            try:
                await self._context.api.delete_token(account.token)
            except RequestRefused as error:
                if error.status != _NOT_FOUND:
                    raise
            failpoint("paypal.after_detach")
            await self._consents.end(request.payment_method_id, self._context.clock.now())
        return Answer(Detached())

    def check_delay(self, attempt: MethodAttempt) -> timedelta | None:
        """The wait before the next query; while the payer may approve, at most the rest of that."""
        context, speed = self._context, self._context.config.check_speed
        age = context.age(attempt)
        delay = domain.check_delay(attempt.checks, age, "payment", speed=speed)
        left = self._time_left(attempt)
        return delay if delay is None or left <= NO_WAIT else min(delay, left)

    def _address(self, sealed: str) -> Answer:
        """Save an address for withdrawals."""
        text = self._context.open(sealed)
        account = account_of(text) if text else None
        if account is None or account.token is not None:
            return Answer(Declined(issues.ACCOUNT_UNREADABLE))
        return Answer(self._saved(account, None))

    def _require_action(self, attempt: MethodAttempt, setup: SetupToken) -> Answer:
        """The answer while the payer must approve."""
        context, link = self._context, wire.approval_link(setup.links)
        if attempt.memory.get("action"):
            return Answer(Pending())
        if link is None or not context.is_page(link):
            context.count_unknown("approval link", None)
            return Answer(Pending())
        return Answer(ActionRequired(context.next_action(link)), {"action": "1"})

    async def _make_token(self, attempt: MethodAttempt, setup: SetupToken) -> Answer:
        """Make the payment token of an approved setup token, or find the one that was made."""
        context = self._context
        failpoint("paypal.before_token")
        try:
            key = f"{attempt.attempt_id}:token"
            token = await context.api.create_token(token_request(setup.id), key)
        except RequestRefused as error:
            found = await self._find_token(attempt)
            if found is None:
                context.count_unknown("issue", error.issue)
                return Answer(Declined(SETUP_EXPIRED))
            token = found
        failpoint("paypal.after_token")
        await self._consents.give(attempt, context.clock.now())
        customer = token.customer.id if token.customer else None
        memory = {TOKEN: context.vault.seal(token.id.encode(), context=ACCOUNT_CONTEXT)}
        return Answer(self._saved(token.account, customer), memory, context.fingerprint(token.id))

    async def _find_token(self, attempt: MethodAttempt) -> PaymentToken | None:
        """The token that an earlier request made, whose answer was lost.

        PayPal made the customer for this setup alone, so the customer has this token only.
        """
        customer = attempt.memory.get(CUSTOMER)
        if not customer:
            return None
        found = (await self._context.api.list_tokens(customer)).payment_tokens
        return found[0] if len(found) == 1 else None

    async def _check_saved(self, attempt: MethodAttempt) -> Answer:
        """Check whether the owner has withdrawn the approval at PayPal."""
        context, sealed = self._context, attempt.memory.get(TOKEN)
        token = context.open(sealed) if sealed else None
        if token is None:
            return Answer(Pending())
        try:
            await context.api.read_token(token)
        except RequestRefused as error:
            if error.status != _NOT_FOUND:
                raise
            await self._consents.end(attempt.request.payment_method_id, context.clock.now())
            return Answer(Declined(APPROVAL_GONE), {TOKEN: ""})
        return Answer(Pending())

    def _saved(self, account: Account, customer: str | None) -> Saved:
        context, vault = self._context, self._context.vault
        named = account.payer_id or account.email or account.token or ""
        approved_at = context.clock.now().isoformat(timespec="seconds") if account.token else None
        return Saved(
            instrument_sealed=vault.seal(account.text.encode(), context=ACCOUNT_CONTEXT),
            customer_reference_sealed=vault.seal(customer.encode(), context=ACCOUNT_CONTEXT)
            if customer
            else None,
            fingerprint=vault.fingerprint(named.encode(), context=ACCOUNT_CONTEXT),
            public={"account": account.shown, "approved_at": approved_at},
        )

    def _time_left(self, attempt: MethodAttempt) -> timedelta:
        context = self._context
        return sped_up(SETUP_LASTS_S, context.config.check_speed) - context.age(attempt)
