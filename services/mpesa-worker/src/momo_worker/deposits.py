"""Deposits: a request to pay, which the payer approves on the phone."""

from collections.abc import Sequence

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.messaging.messages import DELIVERED_BY
from cift_shared.messaging.outcomes import ActionRequired, Declined
from momo_method.calls import Call
from momo_worker import codes, domain
from momo_worker.client import REQUEST_TO_PAY
from momo_worker.context import Context
from momo_worker.moves import Moves, Plan

_ON_PHONE = ActionRequired(
    {
        "type": "confirm_on_phone",
        "message": "Approve the payment with your MTN MoMo PIN on your phone.",
        DELIVERED_BY: "provider",
    }
)


class Deposits:
    """Collects money from wallets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._moves = Moves(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Ask the payer, whose phone shows a prompt; raises as `Moves.submit`."""
        phone = self._context.phone(attempt)
        refusal = self._context.refusal(attempt, phone)
        if refusal is not None:
            step = self._context.step("request.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        return await self._moves.submit(attempt, self._plan(phone))

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The state of a request to pay; raises as `Moves.submit`."""
        return await self._moves.check(attempt, self._plan(self._context.phone(attempt)), notices)

    def _plan(self, phone: str) -> Plan:
        config = self._context.config
        return Plan(
            operation=REQUEST_TO_PAY,
            call=Call.COLLECTION,
            reasons=codes.COLLECTION_REASONS,
            payer=phone,
            base=config.base,
            target=config.target_environment,
            again_within=self._context.delay(domain.PROMPT_AGAIN_S_MAX),
            accepted=_ON_PHONE,
        )
