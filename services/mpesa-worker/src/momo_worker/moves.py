"""One movement of money at MTN, from its request to its end; the same for every operation.

submit    store id and platform -> send -> accepted, or MTN has it already, or refused
notice    a hint: anyone who knows the path can post one, so it only causes a query
query     decides; the status first, then the reason. A request that MTN does not show is sent again
          under the same id: MTN carries it out once
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.http.untrusted_json import read_object
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import (
    Declined,
    Expired,
    Failure,
    Outcome,
    Pending,
    Settled,
    Submitted,
)
from momo_method.calls import Call
from momo_worker import codes, domain, mapping, wire
from momo_worker.client import Operation, Target
from momo_worker.context import STATUS, TOLD, Context
from momo_worker.sent_requests import Sent
from momo_worker.settings import wire_currency
from momo_worker.transport import RequestRefused

_SUBMITTED = Submitted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one attempt moves money."""

    operation: Operation
    call: Call
    reasons: Mapping[str, Failure]
    payer: str | None = None
    payee: str | None = None
    refunds: str | None = None
    """The X-Reference-Id of the collection that is refunded."""
    base: str
    target: str
    """The platform of the first sending; a later one goes where the first went."""
    again_within: timedelta | None = None
    """Until which age a request that MTN does not show is sent again; None: always."""
    accepted: Outcome = _SUBMITTED
    """The outcome of an accepted request."""


class Moves:
    """Sends and queries movements of money."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt, plan: Plan) -> Answer:
        """Ask MTN to move the money, at most once for an attempt.

        Raises:
            PaymentProcessorError: see the tree in `cift_shared.errors`.
        """
        sent = await self._context.sent.reserve(attempt.attempt_id, plan.base, plan.target)
        return await self._send(attempt, plan, sent)

    async def check(self, attempt: Attempt, plan: Plan, notices: Sequence[Notice]) -> Answer:
        """The state of a movement at MTN, on the platform that has it; raises as `submit`."""
        steps = [self._notice_step(notice) for notice in notices]
        sent = await self._context.sent.find(attempt.attempt_id)
        if sent is None:  # a notice came before the first sending
            answer = await self.submit(attempt, plan)
        else:
            state = await self._context.client.read(plan.operation, _target(sent))
            if state is None:
                answer = await self._not_shown(attempt, plan, sent)
            else:
                answer = self._decide(attempt, plan, sent, state)
        return replace(answer, evidence=[*steps, *answer.evidence])

    async def _send(self, attempt: Attempt, plan: Plan, sent: Sent) -> Answer:
        context = self._context
        body = wire.Move(
            amount=domain.whole_text(attempt.request.amount),
            currency=wire_currency(context.country, sent.target),
            external_id=str(attempt.attempt_id),
            payer=plan.payer,
            payee=plan.payee,
            refunds=plan.refunds,
        )
        callback = context.callback(attempt, plan.call)
        try:
            is_new = await context.client.move(plan.operation, _target(sent), body, callback)
        except RequestRefused as refused:
            return await self._refused(attempt, plan, sent, refused)
        name = "request.accepted" if is_new else "request.known"
        step = context.step(name, reference_id=sent.reference_id, sending=sent.times)
        return Answer(plan.accepted, evidence=[step])

    async def _refused(
        self, attempt: Attempt, plan: Plan, sent: Sent, refused: RequestRefused
    ) -> Answer:
        """A refusal is final, unless an earlier sending of the same request has arrived."""
        context = self._context
        if sent.times > 1:
            state = await context.client.read(plan.operation, _target(sent))
            if state is not None:
                return self._decide(attempt, plan, sent, state)
        failure = plan.reasons.get(refused.reason, codes.SETUP_WRONG)
        context.alarm(failure, refused.reason)
        step = context.step(
            "request.refused", http_status=refused.status, reason=refused.reason or None
        )
        return Answer(Declined(failure), evidence=[step])

    async def _not_shown(self, attempt: Attempt, plan: Plan, sent: Sent) -> Answer:
        """MTN does not show the request: not yet, or it never arrived."""
        context = self._context
        now, age = context.clock.now(), context.age(attempt)
        is_early = now - sent.last_at < context.delay(domain.RESEND_AFTER_S)
        is_late = plan.again_within is not None and age >= plan.again_within
        if attempt.ended or is_early or is_late:
            return Answer(Pending())
        answer = await self.submit(attempt, plan)
        if answer.outcome == plan.accepted:
            return replace(answer, outcome=Pending())
        return answer

    def _decide(self, attempt: Attempt, plan: Plan, sent: Sent, state: wire.Status) -> Answer:
        context = self._context
        if not mapping.is_listed(state, plan.reasons):
            context.count_unknown("status", state.reason or state.status)
        asked = mapping.Asked(
            amount=attempt.request.amount,
            wire_currency=wire_currency(context.country, sent.target),
            external_id=str(attempt.attempt_id),
            party=plan.payer or plan.payee,
        )
        outcome = mapping.outcome_of(asked, state, plan.reasons)
        if isinstance(outcome, Declined | Expired) and not attempt.ended:
            context.alarm(outcome.failure, state.reason or "")
        memory = {STATUS: state.status or ""}
        if isinstance(outcome, Settled):
            memory[TOLD] = "settled"
        return Answer(
            _news(attempt, outcome),
            {} if memory.items() <= dict(attempt.memory).items() else memory,
            evidence=self._status_steps(attempt, sent, state),
        )

    def _status_steps(self, attempt: Attempt, sent: Sent, state: wire.Status) -> list[Step]:
        """What MTN says, each status once."""
        if attempt.memory.get(STATUS) == (state.status or ""):
            return []
        return [
            self._context.step(
                "status.read",
                status=state.status,
                reason=state.reason,
                reference_id=sent.reference_id,
                receipt=state.financialTransactionId,
            )
        ]

    def _notice_step(self, notice: Notice) -> Step:
        document = read_object(notice.body) or {}
        status = document.get("status")
        word = status[:20] if isinstance(status, str) else None
        return self._context.step("notice.read", status=word, meaning="a reason to query")


def _target(sent: Sent) -> Target:
    return Target(sent.base, sent.target, sent.reference_id)


def _news(attempt: Attempt, outcome: Outcome) -> Outcome:
    """The outcome; `Pending` when an ended attempt has nothing new to report.

    Money that arrives after the end is always reported.
    """
    if not attempt.ended:
        return outcome
    is_news = isinstance(outcome, Settled) and attempt.memory.get(TOLD) != "settled"
    return outcome if is_news else Pending()
