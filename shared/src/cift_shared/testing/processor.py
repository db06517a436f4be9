"""A processor that answers from a script and counts what it was asked."""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.fees import Direction, load_schedule
from cift_shared.methods import Operation
from cift_shared.money import Money
from cift_shared.outcomes import Outcome, Pending, Submitted
from cift_shared.processor import Answer, Attempt, Notice

Scripted = Outcome | Answer | Exception


class ScriptedProcessor:
    """Plays `submits` and `checks` in order; afterwards it accepts, and knows nothing new."""

    method = "mpesa"

    def __init__(
        self,
        *,
        submits: Sequence[Scripted] = (),
        checks: Sequence[Scripted] = (),
        safe: bool = False,
        delay: timedelta | None = timedelta(milliseconds=20),
    ) -> None:
        self._submits = deque(submits)
        self._checks = deque(checks)
        self._safe = safe
        self._delay = delay
        self.submitted: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.notices_seen: list[str] = []

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """As the test says."""
        return self._safe

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Count, then play the next submission."""
        self.submitted[str(attempt.attempt_id)] += 1
        return _play(self._submits, Submitted("ref-1"))

    process_withdrawal = process_deposit
    process_refund = process_deposit

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Count, then play the next check."""
        self.checked[str(attempt.attempt_id)] += 1
        self.notices_seen += [notice.notice_id for notice in notices]
        return _play(self._checks, Pending())

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """By the shipped schedule."""
        return load_schedule().fee(amount, method=self.method, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:  # noqa: ARG002
        """Always the same gap."""
        return self._delay

    async def close(self) -> None:
        """Nothing to let go."""


def _play(script: "deque[Scripted]", otherwise: Outcome) -> Answer:
    scripted = script.popleft() if script else otherwise
    if isinstance(scripted, Exception):
        raise scripted
    return scripted if isinstance(scripted, Answer) else Answer(scripted)
