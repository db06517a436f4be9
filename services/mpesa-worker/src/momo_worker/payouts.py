"""Payouts: a transfer from our disbursement account to a wallet."""

from collections.abc import Sequence

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from cift_shared.messaging.outcomes import Declined
from cift_shared.money.amount import Money
from momo_method.calls import Call
from momo_worker import codes, domain
from momo_worker.client import TRANSFER
from momo_worker.context import Context
from momo_worker.moves import Moves, Plan
from momo_worker.transport import RequestRefused


class Payouts:
    """Sends money to wallets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._moves = Moves(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Pay out to a wallet, once MTN has said that it exists; raises as `Moves.submit`."""
        context = self._context
        phone = context.phone(attempt)
        refusal = context.refusal(attempt, phone)
        if refusal is None and await context.sent.find(attempt.attempt_id) is None:
            refusal = None if await self._has_wallet(phone) else codes.NO_WALLET
        if refusal is not None:
            step = context.step("payout.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        return await self._moves.submit(attempt, self._plan(phone))

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The state of a payout; raises as `Moves.submit`."""
        return await self._moves.check(attempt, self._plan(self._context.phone(attempt)), notices)

    async def get_balance(self) -> Money:
        """What can be paid out now.

        Raises:
            PaymentProcessorError: the balance could not be read.
        """
        config = self._context.config
        balance = await self._context.client.balance()
        units = domain.balance_units(balance.availableBalance)
        if units is None:
            raise OutcomeUnknown("provider_answer_unreadable", "the balance is no amount")
        if balance.currency != config.wire_currency:
            raise OutcomeUnknown("provider_answer_unreadable", "a balance in another currency")
        return Money(units, config.country.currency)

    async def _has_wallet(self, phone: str) -> bool:
        """Whether MTN knows the wallet; nothing was sent yet, so a lost answer is no danger."""
        try:
            return await self._context.client.has_wallet(phone)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(error.code, "the recipient's wallet") from error
        except RequestRefused as refused:
            failure = codes.PAYOUT_REASONS.get(refused.reason)
            if failure is codes.NO_WALLET:
                return False
            raise

    def _plan(self, phone: str) -> Plan:
        config = self._context.config
        return Plan(
            operation=TRANSFER,
            call=Call.TRANSFER,
            reasons=codes.PAYOUT_REASONS,
            payee=phone,
            base=config.base,
            target=config.target_environment,
        )
