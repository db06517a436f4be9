"""Pushes in limbo: the answer was lost, and no callback has given the ids for a query.

in the records   the receipt found there is a hint, and Transaction Status decides (`clues`)
proven unpaid    complete answers cover the push's life and do not name it (`proof`): expired
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
from mpesa_worker import clues, codes, stk_notices
from mpesa_worker.clues import Clue
from mpesa_worker.flow import Flow
from mpesa_worker.proof import Bounds, Facts, can_come, missing_for_proof
from mpesa_worker.pushes import PushBook
from mpesa_worker.settings import MpesaConfig
from mpesa_worker.stk_notices import Heard

PROMPT_LIFE_S = 300
"""How long after Daraja accepted a push its prompt can be paid. Daraja reports an unanswered prompt
after 26 s and refuses another push to the phone for one to three minutes; two minutes are added.
Later reads of the records find a payment that comes still later; it counts as late money."""
SKEW_S = 60
"""Maximum difference between our clock and the provider's."""
NOT_READ = "the records are not read"

_EXPIRED = codes.STK_ENDS["1019"].failure


class Records(Protocol):
    """The rows that were read from the provider's records."""

    async def facts(self, attempt_id: AttemptId) -> Facts | None:
        """What the records show about a push; None when the push has no reference.

        Raises:
            ProviderUnavailable: the stored rows can't be read at the moment.
        """
        ...


@dataclass(frozen=True, slots=True)
class Books:
    """What a worker stores about pushes in addition to their attempts."""

    pushes: PushBook
    records: Records | None = None
    """None: the records are not read."""


def bounds_of(config: MpesaConfig) -> Bounds:
    """How long a push can be paid under these settings.

    The request may reach Daraja as late as its deadline, which the check speed does not shorten.
    From then on the prompt lives `PROMPT_LIFE_S`.
    """
    skew, prompt = sped_up(SKEW_S, config.check_speed), sped_up(PROMPT_LIFE_S, config.check_speed)
    under_way = timedelta(seconds=config.answer_deadline_s)
    return Bounds(before=skew, life=under_way + prompt + skew)


class Limbo:
    """Decides a push without ids from the provider's records, as far as they allow."""

    def __init__(self, flow: Flow, records: Records | None) -> None:
        """`records` None: the records are not read."""
        self._flow = flow
        self._records = records
        self._bounds = bounds_of(flow.config)

    async def check(self, attempt: Attempt, heard: Heard, clue: Clue, *, noticed: bool) -> Answer:
        """Confirm the push by a receipt; without one, check whether it is proven unpaid.

        Raises:
            PaymentProcessorError: the records can't be read, and there were no notices.
        """
        memory = stk_notices.ids_memory(self._flow, heard)
        answer = Answer(Pending(), memory, evidence=heard.steps)
        if clue.receipt is not None:
            return await clues.confirm(self._flow, attempt, clue, answer)
        if attempt.ended:
            return answer
        try:
            facts = await self._facts(attempt)
        except PaymentProcessorError:
            if not noticed:
                raise
            return answer
        lacks = missing_for_proof(facts, self._bounds) if facts else NOT_READ
        if facts is not None and lacks is None and not noticed:
            return self._expired(facts)
        return self._waits(attempt, facts, lacks, heard.steps)

    async def _facts(self, attempt: Attempt) -> Facts | None:
        return await self._records.facts(attempt.attempt_id) if self._records else None

    def _expired(self, facts: Facts) -> Answer:
        """The answer when the provider's own records prove that nothing was paid."""
        proof = {
            "reference": facts.reference,
            "registered_at": _text(facts.registered_at),
            "read_from": _text(facts.covered_from),
            "read_until": _text(facts.covered_until),
            "witness_sent_at": _text(facts.witness_sent_at),
            "sent_from": _text(facts.first_at),
            "sent_until": _text(facts.last_at),
        }
        memory = {f"proof_{name}": value for name, value in proof.items()}
        step = self._flow.step("push.proven_unpaid", **proof)
        return Answer(Expired(_EXPIRED), memory, evidence=[step])

    def _waits(
        self, attempt: Attempt, facts: Facts | None, lacks: str | None, steps: Sequence[Step]
    ) -> Answer:
        """Still pending; recorded at every check, so that the ledger knows when the next one is."""
        reason = "no id for a query"
        step = self._flow.step("stk_query.impossible", reason=reason, records=lacks)
        after = self._next_look(attempt, facts)
        return Answer(Pending(), evidence=[*steps, step], check_after=after)

    def _next_look(self, attempt: Attempt, facts: Facts | None) -> timedelta | None:
        """The wait until the next read of the records, while they can still prove it unpaid.

        None means the ordinary schedule, which gives the payment to an operator after a day.
        """
        flow = self._flow
        if facts is None or not can_come(facts, self._bounds) or flow.is_old(attempt):
            return None
        return flow.delay(flow.config.pull_interval_s)


def _text(at: object) -> str:
    return "" if at is None else str(at)
