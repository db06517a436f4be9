"""Unresolved pushes: the answer was lost, and no callback has given the ids for a query.

in the records   the receipt found there is a hint, and Transaction Status decides (`receipt_hints`)
proven unpaid    complete answers cover its lifetime and do not name it (`unpaid_check`): expired
neither          it is checked again; after a day an operator must decide

"The records" are the rows that Pull Transactions returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import PaymentProcessorError
from cift_shared.ids import AttemptId
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Expired, Pending
from mpesa_worker import codes, receipt_hints, stk_notices
from mpesa_worker.context import Context
from mpesa_worker.pushes import PushReferences
from mpesa_worker.receipt_hints import Hint
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.stk_notices import PushSummary
from mpesa_worker.unpaid_check import PaymentWindow, PushFacts, can_be_met_later, unmet_condition

PROMPT_LIFE_S = 300
"""How long after Daraja accepted a push its prompt can be paid. Daraja reports an unanswered prompt
after 26 s and refuses another push to the phone for one to three minutes; two minutes are added.
Later reads of the records find a payment that comes still later; it counts as late money."""
CLOCK_SKEW_S = 60
"""Maximum difference between our clock and the provider's."""
NOT_READ = "the records are not read"

_EXPIRED = codes.STK_ENDS["1019"].failure


class Records(Protocol):
    """The rows that were read from the provider's records."""

    async def facts(self, attempt_id: AttemptId) -> PushFacts | None:
        """What the records show about a push; None when the push has no reference.

        Raises:
            ProviderUnavailable: the stored rows can't be read at the moment.
        """
        ...


@dataclass(frozen=True, slots=True)
class PushStores:
    """The stores for what a worker keeps about pushes in addition to their attempts."""

    pushes: PushReferences
    records: Records | None = None
    """None: the records are not read."""


def payment_window(config: MpesaConfig) -> PaymentWindow:
    """How long a push can be paid under these settings.

    The request may reach Daraja as late as its deadline, which the check speed does not shorten.
    From then on the prompt lives `PROMPT_LIFE_S`.
    """
    speed = config.check_speed
    skew, prompt = sped_up(CLOCK_SKEW_S, speed), sped_up(PROMPT_LIFE_S, speed)
    request_time = timedelta(seconds=config.answer_deadline_s)
    return PaymentWindow(clock_skew=skew, lifetime=request_time + prompt + skew)


class UnresolvedPushes:
    """Decides a push without ids from the provider's records, as far as they allow."""

    def __init__(self, context: Context, records: Records | None) -> None:
        """`records` None: the records are not read."""
        self._context = context
        self._records = records
        self._window = payment_window(context.config)

    async def check(
        self, attempt: Attempt, summary: PushSummary, hint: Hint, *, noticed: bool
    ) -> Answer:
        """Confirm the push by a receipt; without one, check whether it is proven unpaid.

        Raises:
            PaymentProcessorError: the records can't be read, and there were no notices.
        """
        memory = stk_notices.ids_memory(self._context, summary)
        answer = Answer(Pending(), memory, evidence=summary.steps)
        if hint.receipt is not None:
            return await receipt_hints.confirm(self._context, attempt, hint, answer)
        if attempt.ended:
            return answer
        try:
            facts = await self._facts(attempt)
        except PaymentProcessorError:
            if not noticed:
                raise
            return answer
        unmet = unmet_condition(facts, self._window) if facts else NOT_READ
        if facts is not None and unmet is None and not noticed:
            return self._expired(facts)
        return self._still_pending(attempt, facts, unmet, summary.steps)

    async def _facts(self, attempt: Attempt) -> PushFacts | None:
        return await self._records.facts(attempt.attempt_id) if self._records else None

    def _expired(self, facts: PushFacts) -> Answer:
        """The answer when the provider's own records prove that nothing was paid."""
        evidence = {
            "reference": facts.reference,
            "registered_at": _text(facts.registered_at),
            "read_from": _text(facts.covered_from),
            "read_until": _text(facts.covered_until),
            "witness_sent_at": _text(facts.witness_sent_at),
            "sent_from": _text(facts.first_at),
            "sent_until": _text(facts.last_at),
        }
        memory = {f"proof_{name}": value for name, value in evidence.items()}
        step = self._context.step("push.proven_unpaid", **evidence)
        return Answer(Expired(_EXPIRED), memory, evidence=[step])

    def _still_pending(
        self, attempt: Attempt, facts: PushFacts | None, unmet: str | None, steps: Sequence[Step]
    ) -> Answer:
        """Still pending; recorded at every check, so that the ledger knows when the next one is."""
        reason = "no id for a query"
        step = self._context.step("stk_query.impossible", reason=reason, records=unmet)
        after = self._next_read(attempt, facts)
        return Answer(Pending(), evidence=[*steps, step], check_after=after)

    def _next_read(self, attempt: Attempt, facts: PushFacts | None) -> timedelta | None:
        """The wait until the next read of the records, while they can still prove it unpaid.

        None means the ordinary schedule, which gives the payment to an operator after a day.
        """
        context = self._context
        if facts is None or not can_be_met_later(facts, self._window) or context.is_old(attempt):
            return None
        return context.delay(context.config.pull_interval_s)


def _text(at: object) -> str:
    return "" if at is None else str(at)
