"""Before a withdrawal is planned: has a second person approved it, where that is needed?"""

from collections.abc import Callable
from datetime import timedelta

import asyncpg

from chain_watch.approval_store import Approvals
from chain_watch.approvals import REJECTED
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.database.pool import Pool
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Declined, Pending, Submitted
from cift_shared.observability.log import get_logger

APPROVAL = "approval"
"""Memory field: set once the payment's timeline says that it waits."""


log = get_logger()


class ApprovalGate:
    """Lets a withdrawal pass, wait or end."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        approvals: Approvals,
    ) -> None:
        self._pool = pool
        self._approvals = approvals

    async def answer(
        self, attempt: Attempt, step: Callable[[str], Step], *, every: timedelta
    ) -> Answer | None:
        """What becomes of a withdrawal that nothing is planned for; None: it may be planned.

        Args:
            attempt: the withdrawal's.
            step: makes a step of the timeline.
            every: how often a decision is looked for.
        """
        request = attempt.request
        found = await self._approvals.of(self._pool, request.payment_id, request.amount)
        if found.is_rejected:
            return Answer(Declined(REJECTED), evidence=[step("withdrawal.rejected")])
        if not found.is_waiting:
            return None
        if attempt.memory.get(APPROVAL):
            return Answer(Pending(), check_after=every)
        log.warning("chain.withdrawal_waits_for_approval", payment_id=str(request.payment_id))
        told = step("withdrawal.waits_for_approval")
        return Answer(Submitted(), {APPROVAL: "told"}, evidence=[told], check_after=every)
