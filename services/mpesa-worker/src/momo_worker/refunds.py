"""Refunds: MTN gives a collection back, whole or in part, on the platform that has it."""

from collections.abc import Sequence

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.attempts.store import attempt_id_of
from cift_shared.errors import ProviderRejectedRequest
from cift_shared.messaging.messages import RequestRefund
from momo_method.calls import Call
from momo_worker import codes
from momo_worker.client import REFUND
from momo_worker.context import Context
from momo_worker.moves import Moves, Plan


class Refunds:
    """Gives collections back."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._moves = Moves(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Refund a collection; raises as `Moves.submit`."""
        return await self._moves.submit(attempt, await self._plan(attempt))

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The state of a refund; raises as `Moves.submit`."""
        return await self._moves.check(attempt, await self._plan(attempt), notices)

    async def _plan(self, attempt: Attempt) -> Plan:
        """How the refund is sent: it names the collection by the id under which it was sent.

        Raises:
            ProviderRejectedRequest: this worker has sent no such collection.
        """
        request = attempt.request
        if not isinstance(request, RequestRefund):
            raise ProviderRejectedRequest("refund_unreadable", "not a refund")
        original = await self._context.sent.find(attempt_id_of(request.original.payment_id))
        if original is None:
            raise ProviderRejectedRequest("refund_original_unknown", "the deposit was not sent")
        return Plan(
            operation=REFUND,
            call=Call.REFUND,
            reasons={**codes.PAYOUT_REASONS, "RESOURCE_NOT_FOUND": codes.NOT_REFUNDED},
            refunds=str(original.reference_id),
            base=original.base,
            target=original.target,
        )
