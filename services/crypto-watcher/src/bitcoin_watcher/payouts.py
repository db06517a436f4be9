"""Withdrawals: one or more versions of a transaction, of which one is confirmed.

submit: address checked, approved where needed -> coins reserved, transaction stored: the signer
        signs it
check:  signed bytes sent, and sent again until they are in a block
        stuck, or below what nodes relay -> a version with a higher fee, which replaces it
        deep enough -> settled with the version that the chain has

Several of them may share a transaction (`grouped_payouts.py`): then each is settled with its own
output and its share of the fee. A group that the signer refuses is taken apart.

Whoever dies at any point, the next check continues from what is stored: a plan is made once, and
only stored bytes are sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bitcoin_method.instruments import ADDRESS_KIND
from bitcoin_watcher import payout_codes as codes
from bitcoin_watcher.addresses import AddressInvalid, parse_address
from bitcoin_watcher.broadcast_codes import Broadcast
from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.grouped_payouts import SOON, GroupedPayouts, recipients_of
from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payout_drafts import (
    Frame,
    Recipient,
    Replaced,
    first_draft,
    replacement,
)
from bitcoin_watcher.payout_store import Version
from bitcoin_watcher.spend_store import Draft, MakeDraft
from chain_watch.domain import Derived, Tip
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import ProviderRejectedRequest, ProviderUnavailable, SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Declined, Failure, Pending, Settled, Submitted
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger

TOLD = "told"
"""Memory field: what was last told of the transaction, so that each change is told once."""

_TELLS = frozenset({Broadcast.ACCEPTED, Broadcast.CONFIRMED})
_TROUBLE = frozenset({Broadcast.INPUT_GONE, Broadcast.CONFLICT, Broadcast.REFUSED})

log = get_logger()


class Payouts:
    """Sends withdrawals; holds no key."""

    def __init__(self, context: PayoutContext) -> None:
        self._context = context
        self._store = context.store
        self._groups = context.groups
        self._grouped = GroupedPayouts(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Check the address, reserve coins and store the transaction; the same one if repeated.

        Raises:
            ProviderUnavailable: nothing was stored: no signer, no chain, or too little money.
            ProviderRejectedRequest: the sealed address can't be opened.
        """
        if await self._store.versions(attempt.request.payment_id):
            return await self.check(attempt)
        if await self._groups.members(attempt.request.payment_id):
            # It waits already, and others may take it into their transaction at any time.
            return Answer(Submitted(), check_after=SOON)
        address = self._address(attempt)
        refusal = await self._refusal(address)
        if refusal is not None or address is None:
            return Answer(Declined(refusal or codes.ADDRESS_INVALID))
        context = self._context
        waits = await context.approvals.answer(attempt, context.step, every=context.resend_every)
        if waits is not None:
            return waits
        recipient = Recipient(address.script, attempt.request.amount.minor)
        if self._context.config.payouts_max > 1:
            return await self._grouped.enqueue(attempt, recipient)
        await self._plan_first(attempt, recipient)
        return Answer(
            Submitted(), evidence=[self._context.step("withdrawal.planned")], check_after=SOON
        )

    async def check(self, attempt: Attempt) -> Answer:
        """Send what is signed, replace what is stuck, settle what is deep; raises as `submit`."""
        if attempt.ended:
            return Answer(Pending())
        versions = await self._store.versions(attempt.request.payment_id)
        if not versions and await self._groups.members(attempt.request.payment_id):
            return await self._plan_waiting(attempt)
        if not versions:
            return await self.submit(attempt)
        tip = await self._context.tip()
        confirmed = [one for one in versions if one.height is not None]
        if confirmed:
            return await self._in_a_block(attempt, confirmed[0], tip)
        signed = [one for one in versions if one.raw is not None]
        if not signed:
            return await self._unsigned(attempt, versions[0])
        return await self._unconfirmed(attempt, versions, signed[-1], tip)

    def _address(self, attempt: Attempt) -> Derived | None:
        """The recipient; None: not an address of the network."""
        sealed = attempt.request.instrument.sealed
        try:
            text = self._context.vault.open(sealed, context=ADDRESS_KIND).decode()
            return parse_address(text, self._context.config.network)
        except AddressInvalid:
            return None
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    async def _refusal(self, address: Derived | None) -> Failure | None:
        if address is None:
            return codes.ADDRESS_INVALID
        if address.script in self._context.denied:
            return codes.ADDRESS_DENIED
        if await self._store.is_ours(address.script):
            return codes.OWN_ADDRESS
        return None

    async def _plan_first(self, attempt: Attempt, recipient: Recipient) -> None:
        if not await self._store.has_signer():
            raise ProviderUnavailable("signer_unavailable", "no signer is at work")
        tip, rate = await self._context.tip(), await self._context.rate()
        fee_max = self._context.config.payout_fee_max

        def make(coins: Sequence[Coin], index: int) -> Draft | None:
            frame = Frame(self._context.change_script(index), tip.height)
            ours = self._context.signable(coins)
            return first_draft([recipient], ours, frame, rate=rate, fee_max=fee_max)

        if not await self._plan(attempt, recipient, tip, 1, make):
            raise ProviderUnavailable("hot_wallet_low", "too few coins can be spent now")

    async def _plan_waiting(self, attempt: Attempt) -> Answer:
        if not await self._grouped.plan(attempt):
            return self._pending(attempt, "queued", {"problem": "too few coins can be spent now"})
        step = self._context.step("withdrawal.planned")
        return Answer(Pending(), evidence=[step], check_after=SOON)

    async def _plan(
        self, attempt: Attempt, recipient: Recipient, tip: Tip, number: int, make: MakeDraft
    ) -> bool:
        return await self._store.plan(
            attempt.request.payment_id,
            (recipient.script, recipient.satoshi),
            tip=tip.height,
            depth=self._context.config.confirmations,
            number=number,
            make=make,
        )

    async def _unsigned(self, attempt: Attempt, first: Version) -> Answer:
        if first.refusal is None:
            return Answer(Pending(), check_after=SOON)
        payment_id = attempt.request.payment_id
        if await self._groups.dissolve(payment_id) or first.txid not in [
            one.txid for one in await self._store.versions(payment_id)
        ]:
            step = self._context.step("withdrawal.regrouped", {"reason": first.refusal})
            return Answer(Pending(), evidence=[step], check_after=SOON)
        failure = codes.OF_SIGNER.get(first.refusal, codes.REFUSED)
        log.error(
            "bitcoin.signer_refused",
            payment_id=str(attempt.request.payment_id),
            reason=first.refusal,
        )
        await self._store.release(attempt.request.payment_id)
        step = self._context.step("withdrawal.not_signed", {"reason": first.refusal})
        return Answer(Declined(failure), evidence=[step])

    async def _in_a_block(self, attempt: Attempt, version: Version, tip: Tip) -> Answer:
        """Settle once it is deep enough; each confirmation is told once."""
        amount = attempt.request.amount
        height = version.height or 0
        confirmations = max(tip.height - height + 1, 0)
        needed = self._context.config.depths.confirmations_for(amount.minor)
        if not tip.is_settled or confirmations < needed:
            told = f"{version.txid}/{confirmations}"
            return self._pending(attempt, told, self._detail(version, confirmations))
        await self._store.mark_settled(attempt.request.payment_id, version.txid)
        reference, fee = await self._grouped.share(attempt, version)
        step = self._context.step("withdrawal.confirmed", self._detail(version, confirmations))
        outcome = Settled(amount, reference, Money(fee, "BTC"))
        return Answer(outcome, evidence=[step])

    async def _unconfirmed(
        self, attempt: Attempt, versions: Sequence[Version], latest: Version, tip: Tip
    ) -> Answer:
        """Send the latest signed bytes; ask for a version with a higher fee if they are stuck."""
        result = await self._send(latest, tip)
        is_newest = latest.version == versions[-1].version
        if is_newest and (self._is_stuck(latest, tip) or _is_too_cheap(latest, result)):
            return await self._bump(attempt, latest, tip)
        if result in _TROUBLE:
            self._alarm(attempt, latest, result.value)
        told = f"{latest.txid}/{result.value}"
        if result in _TELLS or result in _TROUBLE:
            return self._pending(attempt, told, {**self._detail(latest, 0), "node": result.value})
        return Answer(Pending(), check_after=self._context.resend_every)

    def _is_stuck(self, version: Version, tip: Tip) -> bool:
        """True after so many blocks without it."""
        sent, blocks = version.sent_height, self._context.config.bump_after_blocks
        return sent is not None and tip.height - sent >= blocks

    async def _send(self, version: Version, tip: Tip) -> Broadcast:
        """Send the stored bytes to every node; the best answer counts."""
        if version.raw is None:
            raise AssertionError("not signed")
        if version.sent_at is None:
            at = self._context.clock.now()
            await self._store.mark_sent(version.txid, at=at, tip=tip.height)
        failpoint("bitcoin.before_broadcast")
        result = await self._context.broadcast(version.raw)
        failpoint("bitcoin.after_broadcast")
        return result

    async def _bump(self, attempt: Attempt, latest: Version, tip: Tip) -> Answer:
        """Store the next version; without one within the budget the old one stays as it is."""
        members = await self._groups.members(attempt.request.payment_id)
        recipients, rate = recipients_of(members), await self._context.rate()
        old = Replaced(latest, await self._store.inputs(latest.txid))
        fee_max = self._context.config.payout_fee_max

        def make(coins: Sequence[Coin], index: int) -> Draft | None:
            frame = Frame(self._context.change_script(index), tip.height)
            others = self._context.signable(coins)
            return replacement(recipients, old, others, frame, rate=rate, fee_max=fee_max)

        if await self._plan(attempt, self._recipient(attempt), tip, latest.version + 1, make):
            step = self._context.step("withdrawal.fee_raised", self._detail(latest, 0))
            return Answer(Pending(), evidence=[step], check_after=SOON)
        told = f"{latest.txid}/stuck"
        if attempt.memory.get(TOLD) != told:
            self._alarm(attempt, latest, "the fee is at its limit")
        return self._pending(attempt, told, {**self._detail(latest, 0), "fee": "at its limit"})

    def _recipient(self, attempt: Attempt) -> Recipient:
        address = self._address(attempt)
        if address is None:
            raise AssertionError("a withdrawal was planned without an address")
        return Recipient(address.script, attempt.request.amount.minor)

    def _pending(self, attempt: Attempt, told: str, detail: Mapping[str, str]) -> Answer:
        delay = self._context.resend_every
        if attempt.memory.get(TOLD) == told:
            return Answer(Pending(), check_after=delay)
        step: Step = self._context.step("withdrawal.seen", detail)
        return Answer(Pending(), {TOLD: told}, evidence=[step], check_after=delay)

    def _detail(self, version: Version, confirmations: int) -> dict[str, Any]:
        return {
            "transaction": version.txid,
            "version": str(version.version),
            "network_fee": Money(version.fee, "BTC").text,
            "confirmations": str(confirmations),
        }

    def _alarm(self, attempt: Attempt, version: Version, what: str) -> None:
        log.error(
            "bitcoin.withdrawal_trouble",
            payment_id=str(attempt.request.payment_id),
            transaction=version.txid,
            problem=what,
        )


def _is_too_cheap(version: Version, result: Broadcast) -> bool:
    """True if a node wants a higher fee.

    Only a later version conflicts with one of ours: what conflicts with the first is somebody
    else's, which is a case for an operator.
    """
    is_ours = result is Broadcast.CONFLICT and version.version > 1
    return is_ours or result is Broadcast.FEE_TOO_LOW
