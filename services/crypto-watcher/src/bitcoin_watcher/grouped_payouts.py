"""Withdrawals that are paid together, if CRYPTO_BTC_PAYOUTS_IN_TRANSACTION_MAX is above 1.

submit: it is stored that the withdrawal waits
check:  one transaction is planned for it and for others that wait

A withdrawal that waits is paid as soon as there is enough money, and is never declined for that.
"""

from collections.abc import Sequence
from datetime import timedelta

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payout_drafts import Frame, Recipient, fee_shares, first_draft, places_of
from bitcoin_watcher.payout_groups import Member
from bitcoin_watcher.payout_store import Version
from bitcoin_watcher.spend_store import Draft
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import ProviderUnavailable
from cift_shared.messaging.outcomes import Submitted

SOON = timedelta(seconds=1)


class GroupedPayouts:
    """What a withdrawal does that may be paid with others."""

    def __init__(self, context: PayoutContext) -> None:
        self._context = context
        self._store = context.store
        self._groups = context.groups

    async def enqueue(self, attempt: Attempt, recipient: Recipient) -> Answer:
        """Store that it waits; from then on it is paid, as soon as there is enough money.

        Raises:
            ProviderUnavailable: nothing was stored: no signer, no chain, or too little money.
        """
        if not await self._store.has_signer():
            raise ProviderUnavailable("signer_unavailable", "no signer is at work")
        tip, depth = await self._context.tip(), self._context.config.confirmations
        coins = self._context.signable(await self._store.spendable(tip=tip.height, depth=depth))
        if sum(one.satoshi for one in coins) <= recipient.satoshi:
            raise ProviderUnavailable("hot_wallet_low", "too few coins can be spent now")
        await self._groups.enqueue(
            attempt.request.payment_id, (recipient.script, recipient.satoshi)
        )
        step = self._context.step("withdrawal.queued")
        return Answer(Submitted(), evidence=[step], check_after=SOON)

    async def plan(self, attempt: Attempt) -> bool:
        """Plan one transaction for this withdrawal and others that wait; False: too few coins.

        Raises:
            NodeFailed: no node tells the fee rate.
        """
        tip, rate = await self._context.tip(), await self._context.rate()
        config = self._context.config

        def make(members: Sequence[Member], coins: Sequence[Coin], index: int) -> Draft | None:
            frame = Frame(self._context.change_script(index), tip.height)
            ours, paid = self._context.signable(coins), recipients_of(members)
            return first_draft(paid, ours, frame, rate=rate, fee_max=config.payout_fee_max)

        return await self._groups.plan_group(
            attempt.request.payment_id, make, tip=tip.height, depth=config.confirmations,
            members_max=config.payouts_max,
        )  # fmt: skip

    async def share(self, attempt: Attempt, version: Version) -> tuple[str, int]:
        """The output that pays this withdrawal, and its share of the fee in satoshi."""
        members = await self._groups.members(attempt.request.payment_id)
        mine = [one.payment_id for one in members].index(attempt.request.payment_id)
        place = places_of(version.unsigned, recipients_of(members))[mine]
        return f"{version.txid}:{place}", fee_shares(version.fee, len(members))[mine]


def recipients_of(members: Sequence[Member]) -> list[Recipient]:
    """Whom the transaction of these withdrawals pays, in their order."""
    return [Recipient(one.script, one.satoshi) for one in members]
