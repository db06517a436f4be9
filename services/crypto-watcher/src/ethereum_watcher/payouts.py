"""Withdrawals: one payment, one nonce, one or more versions of its transaction.

submit: address checked, approved where needed -> nonce reserved, transaction stored: the signer
        signs it
check:  signed bytes sent, and sent again until a block has one of the versions
        stuck, or below what nodes take -> a version with a higher fee, which replaces it
        deep enough -> settled; declined if a contract has refused it; to be looked at by an
        operator if the token has not reported the transfer

Whoever dies at any point, the next check continues from what is stored: a plan is made once, and
only stored bytes are sent.
"""

from collections.abc import Mapping
from datetime import timedelta

from chain_watch.domain import Derived, Tip
from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import ProviderRejectedRequest, ProviderUnavailable, SealBroken
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Failure,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from ethereum_method.recipient import ADDRESS_KIND
from ethereum_watcher import payout_codes as codes
from ethereum_watcher.addresses import AddressInvalid, parse_address
from ethereum_watcher.domain import COIN
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_plans import Room, Version
from ethereum_watcher.sending import Progress, Sending, Sent

TOLD = "told"
"""Memory field: what was last told of the transaction, so that each change is told once."""
SOON = timedelta(seconds=1)
_ALARMS = frozenset({Progress.AT_LIMIT, Progress.TROUBLE, Progress.PASSED})

log = get_logger()


class Payouts:
    """Makes withdrawals; holds no key."""

    def __init__(self, context: PayoutContext) -> None:
        self._context = context
        self._store = context.store
        self._sending = Sending(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Check the address, reserve a nonce, store the transaction; the same one if repeated.

        Raises:
            ProviderUnavailable: nothing was stored: no signer, no chain, or too little money.
            NodeFailed: nothing was stored: no node answers.
            ProviderRejectedRequest: the sealed address can't be opened.
        """
        if await self._store.versions(attempt.request.payment_id):
            return await self.check(attempt)
        currency, amount = attempt.request.amount.currency, attempt.request.amount.minor
        contract = self._context.contracts.get(currency)
        if contract is None and currency != COIN:
            return Answer(Declined(codes.NOT_OFFERED))
        recipient = self._recipient(attempt)
        refusal = await self._refusal(recipient)
        if refusal is not None or recipient is None:
            return Answer(Declined(refusal or codes.ADDRESS_INVALID))
        context = self._context
        waits = await context.approvals.answer(attempt, context.step, every=context.resend_every)
        if waits is not None:
            return waits
        await self._check_signing()
        await self._check_room(amount, contract)
        gas = await self._context.gas(recipient, amount, contract)
        if gas is None:
            log.warning("ethereum.transfer_refused", payment_id=str(attempt.request.payment_id))
            return Answer(Declined(_not_accepted(currency)))
        await self._plan(attempt, recipient, contract, gas)
        return Answer(
            Submitted(), evidence=[self._context.step("withdrawal.planned")], check_after=SOON
        )

    async def check(self, attempt: Attempt) -> Answer:
        """Send what is signed, replace what is stuck, settle what is deep; raises as `submit`."""
        if attempt.ended:
            return Answer(Pending())
        versions = await self._store.versions(attempt.request.payment_id)
        if not versions:
            return await self.submit(attempt)
        tip = await self._context.tip()
        confirmed = [one for one in versions if one.height is not None]
        if confirmed:
            return await self._in_a_block(attempt, confirmed[0], tip)
        if all(one.raw is None for one in versions):
            return await self._unsigned(attempt, versions[0])
        sent = await self._sending.advance(attempt.request.payment_id, versions, tip)
        return self._told(attempt, sent)

    def _recipient(self, attempt: Attempt) -> Derived | None:
        """The recipient; None: not an address."""
        sealed = attempt.request.instrument.sealed
        try:
            return parse_address(self._context.vault.open(sealed, context=ADDRESS_KIND).decode())
        except AddressInvalid:
            return None
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    async def _refusal(self, recipient: Derived | None) -> Failure | None:
        if recipient is None:
            return codes.ADDRESS_INVALID
        if recipient.script in self._context.denied:
            return codes.ADDRESS_DENIED
        if await self._store.is_ours(recipient.script):
            return codes.OWN_ADDRESS
        if recipient.script in self._context.token_accounts:
            return codes.TOKEN_CONTRACT
        return None

    async def _check_signing(self) -> None:
        if not await self._store.has_signer():
            raise ProviderUnavailable("signer_unavailable", "no signer is at work")
        if not await self._context.is_ours_alone():
            raise ProviderUnavailable("hot_wallet_used", "somebody else uses the account's key")

    async def _check_room(self, amount: int, contract: Derived | None) -> None:
        """Wait before a node is asked: it would say that the token refuses the transfer."""
        if contract is None:
            return
        room = await self._store.room()
        if room is None or room.tokens.get(contract.script, 0) < amount:
            raise ProviderUnavailable("hot_wallet_low", "too few tokens can be spent now")

    async def _plan(
        self, attempt: Attempt, recipient: Derived, contract: Derived | None, gas: int
    ) -> None:
        config, offer = self._context.config, await self._context.offer()
        if gas * offer.max_fee > config.payout_fee_max:
            raise ProviderUnavailable("network_fee_high", "the fee is above the limit now")

        def make(room: Room) -> Transfer | None:
            transfer = Transfer(
                chain_id=config.chain_id,
                nonce=room.nonce,
                tip=offer.tip,
                max_fee=offer.max_fee,
                gas=gas,
                account=recipient.script,
                wei=attempt.request.amount.minor,
                contract=None if contract is None else contract.script,
            )
            return transfer if room.covers(transfer) and room.count < config.open_max else None

        if not await self._store.plan_first(attempt.request.payment_id, make):
            raise ProviderUnavailable("hot_wallet_low", "too little can be spent now")

    async def _unsigned(self, attempt: Attempt, first: Version) -> Answer:
        if first.refusal is None:
            return Answer(Pending(), check_after=SOON)
        failure = codes.OF_SIGNER.get(first.refusal, codes.REFUSED)
        log.error(
            "ethereum.signer_refused",
            payment_id=str(attempt.request.payment_id),
            reason=first.refusal,
        )
        await self._store.release(attempt.request.payment_id)
        step = self._context.step("withdrawal.not_signed", {"reason": first.refusal})
        return Answer(Declined(failure), evidence=[step])

    async def _in_a_block(self, attempt: Attempt, version: Version, tip: Tip) -> Answer:
        """End it once its block is deep enough."""
        detail = {**_detail(version), "block": str(version.block_hash)}
        height, name = version.height or 0, str(version.hash)
        is_paid = bool(version.succeeded) and version.has_moved
        is_deep = self._context.config.depths.has_depth(height, tip)
        if not is_paid:
            # It could pay in another branch, so no number of blocks is enough.
            is_deep = tip.final_height is not None and height <= tip.final_height
        if not tip.is_settled or not is_deep:
            return self._pending(attempt, f"{name}/{version.block_hash}", detail)
        await self._store.mark_settled(attempt.request.payment_id, name, has_failed=not is_paid)
        fee = Money(version.fee or 0, COIN)
        if not version.succeeded:
            step = self._context.step("withdrawal.refused", detail)
            failure = _not_accepted(attempt.request.amount.currency)
            return Answer(Declined(failure, fee), evidence=[step])
        if not version.has_moved:
            return self._not_moved(attempt, name, detail)
        step = self._context.step("withdrawal.confirmed", detail)
        return Answer(Settled(attempt.request.amount, name, fee), evidence=[step])

    def _not_moved(self, attempt: Attempt, name: str, detail: Mapping[str, str]) -> Answer:
        """Let an operator decide: the token may have moved nothing, or less than it was told."""
        payment_id = str(attempt.request.payment_id)
        log.error("ethereum.transfer_not_reported", payment_id=payment_id, transaction=name)
        step = self._context.step("withdrawal.not_reported", detail)
        reason = "the transaction succeeded, but the token has not reported the transfer"
        return Answer(Conflicting(reason), evidence=[step])

    def _told(self, attempt: Attempt, sent: Sent) -> Answer:
        version, progress = sent.version, sent.progress
        detail = {**_detail(version), "node": str(sent.answer or progress)}
        if progress is Progress.RAISED:
            step = self._context.step("withdrawal.fee_raised", detail)
            return Answer(Pending(), evidence=[step], check_after=SOON)
        told = f"{version.hash}/{progress}/{sent.answer if progress in _ALARMS else ''}"
        if progress in _ALARMS and attempt.memory.get(TOLD) != told:
            log.error(
                "ethereum.withdrawal_trouble",
                payment_id=str(attempt.request.payment_id),
                transaction=version.hash,
                problem=str(progress),
                node=str(sent.answer),
            )
        return self._pending(attempt, told, detail)

    def _pending(self, attempt: Attempt, told: str, detail: Mapping[str, str]) -> Answer:
        delay = self._context.resend_every
        if attempt.memory.get(TOLD) == told:
            return Answer(Pending(), check_after=delay)
        step = self._context.step("withdrawal.seen", detail)
        return Answer(Pending(), {TOLD: told}, evidence=[step], check_after=delay)


def _not_accepted(currency: str) -> Failure:
    return codes.NOT_ACCEPTED if currency == COIN else codes.TOKEN_NOT_ACCEPTED


def _detail(version: Version) -> dict[str, str]:
    return {
        "transaction": str(version.hash),
        "version": str(version.version),
        "nonce": str(version.nonce),
        "network_fee_max": Money(version.gas * version.offer.max_fee, COIN).text,
    }
