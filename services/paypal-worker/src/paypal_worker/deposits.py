"""Deposits by PayPal: create an order, have the payer approve it, capture it, read the capture.

submit    create the order .......... its id is stored: only this order is ever captured
check     read it ................... until the payer approved it (then that is stored), or expired
          capture it ................ paid | pending | declined | the payer must approve again
          read the capture .......... while it is pending

Only our own request captures an order, and PayPal captures an order once. So no repeated request
can charge twice, and an order that we no longer capture takes no money, whatever its payer does.
The status of the capture decides, never that of the order: a completed order can hold a capture
that is pending or declined. Source: developer.paypal.com, Orders v2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.ids import PaymentId
from cift_shared.messaging.messages import RequestDeposit
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Canceled,
    Conflicting,
    Declined,
    Expired,
    Failure,
    Pending,
    Settled,
    Submitted,
)
from paypal_method.accounts import Account
from paypal_method.currencies import to_text
from paypal_worker import domain, issues, mapping, wire
from paypal_worker.context import NO_WAIT, REPORTED, Context, log
from paypal_worker.disputes import Disputes
from paypal_worker.payers import is_off_session, pays_at_once, saved_account
from paypal_worker.transport import RequestRefused

_NOT_FOUND = 404
_KEY_TAKEN = "DUPLICATE_REQUEST_ID"
_MAY_BE_PAID = frozenset({_KEY_TAKEN, "DUPLICATE_INVOICE_ID"})
"""Refusals of an order that say that PayPal has another one for the same payment."""
_DESCRIPTION_CHARS_MAX = 127


class Deposits:
    """Collects money from PayPal accounts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._disputes = Disputes(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the order; the payer must approve it.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        self._context.account.check()
        return await self._create(attempt)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Take the next step, or read the result of the last one; raises as `submit`."""
        memory = attempt.memory
        if attempt.ended:
            return await self._check_ended(attempt, notices)
        order_id = memory.get("order")
        if order_id is None:
            return await self._create_again(attempt)
        if memory.get("capture"):
            capture = await self._context.api.read_capture(memory["capture"])
            return self._decide_capture(attempt, capture)
        if memory.get("approved") == str(attempt.checks):  # read just now: no need to read it again
            return await self._capture(attempt, order_id)
        return await self._read(attempt, order_id)

    async def cancel(self, attempt: Attempt) -> Answer:
        """Cancel an order whose capture was not sent; else the result of the next step."""
        order_id = attempt.memory.get("order")
        if order_id is None or attempt.memory.get("approved") or attempt.memory.get("capture"):
            return await self.check(attempt, ())
        order = await self._context.api.read_order(order_id)
        if order.captures:
            return await self._decide(attempt, order)
        step = self._context.step("order.canceled", order=order_id, status=order.status)
        return Answer(Canceled(), {REPORTED: "canceled"}, None, [step])

    async def _create_again(self, attempt: Attempt) -> Answer:
        """Create the order, under the key of an earlier request that may have created it.

        If PayPal has forgotten the key, this is a second order. The first one does no harm: no
        payer knows its address, and only the stored order is ever captured. An order with a saved
        approval pays at once, so it is created again only while PayPal certainly knows the key.
        """
        if pays_at_once(self._context, attempt):
            if self._context.age(attempt) >= domain.ORDER_KEY_LASTS:
                return Answer(Conflicting("PayPal may have a paid order that we don't know"))
            return await self._create(attempt)
        if self._context.time_left(attempt) <= NO_WAIT:
            step = self._context.step("order.not_made", reason="time is over")
            return Answer(Expired(issues.ACTION_EXPIRED), {REPORTED: "expired"}, None, [step])
        return await self._create(attempt)

    async def _create(self, attempt: Attempt) -> Answer:
        context, number = self._context, int(attempt.memory.get("creates") or 0)
        body = self._order(attempt)
        if isinstance(body, Failure):
            return self._declined("order.refused", body)
        failpoint("paypal.before_create")
        try:
            order = await context.api.create_order(
                body, domain.create_key(attempt.attempt_id, number)
            )
        except RequestRefused as error:
            if error.issue in _MAY_BE_PAID and pays_at_once(context, attempt):
                return Answer(Conflicting("PayPal has another order for this payment"))
            if error.issue == _KEY_TAKEN:
                # A release has changed the request since; the order of the other one is not stored,
                # so it is never captured.
                memory = {"creates": str(number + 1)}
                return Answer(Pending(), memory, check_after=context.retry_delay())
            return self._not_created(error)
        failpoint("paypal.after_create")
        return await self._created(attempt, order)

    async def _created(self, attempt: Attempt, order: wire.Order) -> Answer:
        """The answer that stores the order's id and sends the payer to PayPal."""
        answer = await self._decide(attempt, order)
        memory = {"order": order.id, **answer.memory}
        fingerprint = answer.fingerprint or self._context.fingerprint(order.id)
        step = self._context.step("order.created", order=order.id, status=order.status)
        outcome = Submitted() if isinstance(answer.outcome, Pending) else answer.outcome
        return replace(
            answer,
            outcome=outcome,
            memory=memory,
            fingerprint=fingerprint,
            evidence=[step, *answer.evidence],
        )

    def _not_created(self, error: RequestRefused) -> Answer:
        """The answer to a refused order: it does not exist, so no money can move."""
        failure = issues.DEPOSITS.get(error.issue)
        if error.issue in issues.OUR_ACCOUNT:
            self._context.account.refused(error.issue)
        if failure is None:
            self._context.count_unknown("issue", error.issue)
        return self._declined("order.refused", failure or issues.REQUEST_REFUSED, error.issue)

    def _order(self, attempt: Attempt) -> Mapping[str, Any] | Failure:
        """The body that creates the order; the same whenever it is created again."""
        request, context = attempt.request, self._context
        account = saved_account(context, attempt)
        if isinstance(account, Failure):
            return account
        try:
            value = to_text(request.amount)
        except ValueError:
            return issues.AMOUNT_REFUSED
        amount = {"currency_code": request.amount.currency, "value": value}
        description = request.description if isinstance(request, RequestDeposit) else None
        unit = {
            "custom_id": str(attempt.attempt_id),
            "invoice_id": str(request.payment_id),
            "amount": amount,
            **({"description": description[:_DESCRIPTION_CHARS_MAX]} if description else {}),
        }
        gateway, returns = context.config.gateway, context.returns
        payment_id, brand = PaymentId(request.payment_id), context.config.brand_name
        page = {
            "return_url": returns.address(gateway, payment_id),
            "cancel_url": returns.address(gateway, payment_id, canceled=True),
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            # No eChecks: fewer captures are pending for days.
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
            **({"brand_name": brand} if brand else {}),
        }
        source = {"paypal": {"experience_context": page, **_payer(account)}}
        return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}

    async def _read(self, attempt: Attempt, order_id: str) -> Answer:
        try:
            order = await self._context.api.read_order(order_id)
        except RequestRefused as error:
            if error.status == _NOT_FOUND:
                return self._gone(attempt, order_id)
            raise
        return await self._decide(attempt, order)

    async def _decide(self, attempt: Attempt, order: wire.Order, *, sent: bool = False) -> Answer:
        """The answer, or the next step, for an order as PayPal has just returned it.

        `sent`: it is PayPal's answer to the capture.
        """
        context = self._context
        capture = mapping.only_capture(order)
        if capture is not None:
            return self._decide_capture(attempt, capture)
        if order.status in mapping.OPEN:
            return self._waiting(attempt, order)
        if order.status == "VOIDED":
            return self._expired(order.id, "voided")
        if order.status == "APPROVED" and not sent:
            if attempt.memory.get("approved"):
                return await self._capture(attempt, order.id)
            return self._approved(attempt, order)
        if order.status not in mapping.ORDER_STATUSES:
            context.count_unknown("order", order.status)
        return Answer(Pending(), check_after=context.retry_delay() if sent else None)

    def _approved(self, attempt: Attempt, order: wire.Order) -> Answer:
        """The answer that stores the approval; the order is captured only after that."""
        memory = {"approved": str(attempt.checks + 1)}
        step = self._context.step("order.approved", order=order.id)
        return Answer(Submitted(), memory, None, [step], NO_WAIT)

    def _waiting(self, attempt: Attempt, order: wire.Order) -> Answer:
        """The answer while the payer must approve."""
        context, link = self._context, order.approval_link
        if attempt.memory.get("approved"):  # the capture was refused, and its answer was lost
            return self._send_back(attempt, order.id, link, "unknown")
        if context.time_left(attempt) <= NO_WAIT:
            return self._expired(order.id, "time is over")
        if is_off_session(attempt):
            return self._declined("order.requires_action", issues.APPROVAL_NEEDED)
        if attempt.memory.get("action"):
            return Answer(Pending())
        if link is None or not context.is_page(link):
            context.count_unknown("approval link", None)
            return Answer(Pending())
        step = context.step("order.requires_action", order=order.id)
        return Answer(ActionRequired(context.next_action(link)), {"action": "1"}, None, [step])

    def _expired(self, order_id: str, reason: str) -> Answer:
        step = self._context.step("order.expired", order=order_id, reason=reason)
        return Answer(Expired(issues.ACTION_EXPIRED), {REPORTED: "expired"}, None, [step])

    def _gone(self, attempt: Attempt, order_id: str) -> Answer:
        """The answer when PayPal no longer knows the order."""
        if attempt.memory.get("approved"):
            return Answer(Conflicting("PayPal no longer knows an order that may be captured"))
        return self._expired(order_id, "unknown at PayPal")

    async def _capture(self, attempt: Attempt, order_id: str) -> Answer:
        context, returns = self._context, int(attempt.memory.get("returns") or 0)
        failpoint("paypal.before_capture")
        try:
            order = await context.api.capture_order(
                order_id, domain.capture_key(attempt.attempt_id, returns)
            )
        except RequestRefused as error:
            return await self._not_captured(attempt, order_id, error)
        failpoint("paypal.after_capture")
        return await self._decide(attempt, order, sent=True)

    async def _not_captured(self, attempt: Attempt, order_id: str, error: RequestRefused) -> Answer:
        """The answer when PayPal refused to capture."""
        context, issue = self._context, error.issue
        if issue == "ORDER_ALREADY_CAPTURED":
            order = await context.api.read_order(order_id)
            return await self._decide(attempt, order, sent=True)
        if issue == "ORDER_NOT_APPROVED":
            return Answer(Pending(), {"approved": ""})
        if issue in issues.SENDS_BACK:
            return self._send_back(attempt, order_id, wire.approval_link(error.error.links), issue)
        if issue == "DUPLICATE_INVOICE_ID":
            return Answer(Conflicting("PayPal has another paid order for this payment"))
        if issue in issues.ORDER_EXPIRED:
            return self._expired(order_id, issue)
        if error.status == _NOT_FOUND:
            return self._gone(attempt, order_id)
        if issue in issues.OUR_ACCOUNT:
            context.account.refused(issue)
        failure = issues.DEPOSITS.get(issue)
        if failure is None:
            context.count_unknown("issue", issue)
            return Answer(Pending())
        return self._declined("capture.refused", failure, issue)

    def _send_back(self, attempt: Attempt, order_id: str, link: str | None, issue: str) -> Answer:
        """Send the payer back to PayPal's page for another way of paying; only once."""
        context, returns = self._context, int(attempt.memory.get("returns") or 0)
        is_over = returns >= domain.RETURNS_MAX or context.time_left(attempt) <= NO_WAIT
        if is_over or link is None or not context.is_page(link):
            return self._declined("capture.refused", issues.INSTRUMENT_DECLINED, issue)
        memory = {"returns": str(returns + 1), "approved": "", "action": "1"}
        step = context.step("order.requires_action", order=order_id, issue=issue)
        return Answer(ActionRequired(context.next_action(link)), memory, None, [step])

    def _decide_capture(self, attempt: Attempt, capture: wire.Capture) -> Answer:
        """The outcome of a capture as PayPal has just returned it."""
        context = self._context
        outcome = mapping.captured(capture)
        memory = {"capture": capture.id, "reason": ""}
        fingerprint = context.fingerprint(capture.id)
        step = context.step("capture.read", capture=capture.id, status=capture.status)
        if isinstance(outcome, Pending):
            return self._pending(attempt, capture, memory, fingerprint)
        if isinstance(outcome, Settled):
            memory[REPORTED] = "settled"
            fee = outcome.provider_fee
            told = context.step("fee.known", fee=fee.text, currency=fee.currency) if fee else None
            steps = [step, *([told] if told else [])]
            watch = self._disputes.next_read(attempt)
            return Answer(outcome, memory, fingerprint, steps, watch)
        if isinstance(outcome, Declined):
            memory[REPORTED] = "failed"
        return Answer(outcome, memory, fingerprint, [step])

    def _pending(
        self, attempt: Attempt, capture: wire.Capture, memory: dict[str, str], fingerprint: str
    ) -> Answer:
        """The answer while a capture is pending: its reason is reported once."""
        context, details = self._context, capture.status_details
        reason = (details.reason if details else None) or "unknown"
        if capture.status != "PENDING":
            context.count_unknown("capture", capture.status)
        if attempt.memory.get("reason") == reason:
            return Answer(Pending(), {**memory, "reason": reason}, fingerprint)
        if reason in issues.NEEDS_OPERATOR:
            log.error("paypal.capture.needs_operator", reason=reason)
        elif reason not in issues.PENDING_REASONS:
            context.count_unknown("reason", reason)
        step = context.step(
            "capture.pending", capture=capture.id, status=capture.status, reason=reason
        )
        return Answer(Submitted(capture.id), {**memory, "reason": reason}, fingerprint, [step])

    async def _check_ended(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Read what came after: of a settled payment, disputes; a failed one should not be paid."""
        order_id = attempt.memory.get("order")
        if attempt.memory.get(REPORTED) == "settled":
            return await self._disputes.check(attempt, notices)
        if order_id is None or not notices:
            return Answer(Pending())
        capture = mapping.only_capture(await self._context.api.read_order(order_id))
        if capture is None or capture.status not in mapping.PAID:
            return Answer(Pending())
        return self._decide_capture(attempt, capture)

    def _declined(self, name: str, failure: Failure, issue: str | None = None) -> Answer:
        step = self._context.step(name, reason=failure.code, issue=issue)
        return Answer(Declined(failure), {REPORTED: "failed"}, None, [step])


def _payer(account: Account | None) -> Mapping[str, str]:
    """The payer in an order: a saved approval, which pays at once, or an address for the login."""
    if account is not None and account.token is not None:
        return {"vault_id": account.token}
    return {"email_address": account.email} if account and account.email else {}
