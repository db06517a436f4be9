"""A processor that returns scripted outcomes and counts its calls."""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.messaging.outcomes import Outcome, Pending, Submitted
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from cift_shared.rails.registry import example_rail, rails

Scripted = Outcome | Answer | Exception


class ScriptedProcessor:
    """Returns `submits` and `checks` in order; after them it accepts, and answers `Pending`."""

    def __init__(
        self,
        *,
        submits: Sequence[Scripted] = (),
        checks: Sequence[Scripted] = (),
        safe: bool = False,
        delay: timedelta | None = timedelta(milliseconds=20),
        rail: str | None = None,
    ) -> None:
        self.rail = rail or example_rail().name
        self._submits = deque(submits)
        self._checks = deque(checks)
        self._safe = safe
        self._delay = delay
        self.submitted: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.notices_seen: list[str] = []

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """The value of `safe`."""
        return self._safe

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Count the call, then return or raise the next of `submits`."""
        self.submitted[str(attempt.attempt_id)] += 1
        return _play(self._submits, Submitted("ref-1"))

    process_withdrawal = process_deposit
    process_refund = process_deposit

    async def get_transaction_status(
        self, attempt: Attempt, notices: Sequence[Notice] = ()
    ) -> Answer:
        """Count the call, then return or raise the next of `checks`."""
        self.checked[str(attempt.attempt_id)] += 1
        self.notices_seen += [notice.notice_id for notice in notices]
        return _play(self._checks, Pending())

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """The fee by the shipped schedule."""
        method = rails()[self.rail].priced_as
        return load_schedule().fee(amount, method=method, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:  # noqa: ARG002
        """The value of `delay`."""
        return self._delay

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def _play(script: "deque[Scripted]", otherwise: Outcome) -> Answer:
    scripted = script.popleft() if script else otherwise
    if isinstance(scripted, Exception):
        raise scripted
    return scripted if isinstance(scripted, Answer) else Answer(scripted)
