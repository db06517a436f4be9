"""Propose a sweep to the cold address, and take it back; for the operator's command.

above the ceiling -> coins reserved, transaction and PSBT stored -> the operator's wallet signs
and sends it -> the watcher finds it in a block, and reports its fee
"""

from collections.abc import Sequence
from datetime import timedelta

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_context import WalletContext
from bitcoin_watcher.payout_drafts import Frame
from bitcoin_watcher.psbt import psbt_of
from bitcoin_watcher.spend_store import Draft
from bitcoin_watcher.sweep_drafts import sweep_draft
from bitcoin_watcher.transfer_store import Held, StoredTransfers, Sweep, release
from cift_shared.errors import CiftError, SettingsInvalid
from cift_shared.ids import IdFactory


class SweepRefused(CiftError):
    """A sweep can't be proposed or released; the message says why."""


class Sweeps:
    """Proposes sweeps; holds no key."""

    def __init__(self, context: WalletContext, store: StoredTransfers, ids: IdFactory) -> None:
        self._context = context
        self._store = store
        self._ids = ids

    async def propose(self) -> Sweep | None:
        """The sweep that brings the hot wallet to its target, or the one that is open already.

        None: the hot wallet holds no more than its ceiling, or too little could be moved.

        Raises:
            SettingsInvalid: there is no ceiling, no cold address, or it is one of the hot wallet.
            ProviderUnavailable: the chain was never read, or no node answers.
        """
        config = self._context.config
        cold = config.cold
        if not config.hot_limits.ceiling or cold is None:
            raise SettingsInvalid(
                "CRYPTO_BTC_HOT_CEILING_SATOSHI and CRYPTO_BTC_DEPOSIT_ADDRESS are needed to sweep"
            )
        if await self._store.is_hot(cold.script):
            raise SettingsInvalid("CRYPTO_BTC_DEPOSIT_ADDRESS is an address of the hot wallet")
        tip, rate = await self._context.tip(), await self._context.rate()

        def make(coins: Sequence[Coin], held: Held, index: int) -> tuple[Draft, str] | None:
            leaving = config.hot_limits.leaving(held.free)
            if leaving is None:
                return None
            frame = Frame(self._context.change_script(index), tip.height)
            draft = sweep_draft(
                self._context.signable(coins), frame, cold.script, leaving,
                rate=rate, fee_max=config.payout_fee_max,
            )  # fmt: skip
            if draft is None:
                return None
            has_change = any(is_change for _, _, is_change in draft.outputs)
            change = index if has_change else None
            return draft, psbt_of(draft.unsigned, draft.coins, self._context.key, change)

        expires_at = self._context.clock.now() + timedelta(seconds=config.sweep_expires_s)
        return await self._store.plan_sweep(
            self._ids.new_id(), tip=tip.height, depth=config.confirmations,
            expires_at=expires_at, make=make,
        )  # fmt: skip

    async def release(self, txid: str) -> None:
        """Give back the coins of a sweep that nobody will send.

        Raises:
            SweepRefused: there is no such open sweep, or it may still be mined.
            ProviderUnavailable: no node says whether its coins are unspent.
        """
        coins = await self._store.inputs(txid)
        if not coins:
            raise SweepRefused(f"no sweep has the transaction {txid}")
        if not await self._context.are_unspent(coins):
            raise SweepRefused("a transaction spends its coins: they can't be given back")
        async with self._store.pool.acquire() as connection, connection.transaction():
            released = await release(connection, txid, self._context.clock.now())
        if not released:
            raise SweepRefused("it was sent, mined, or released before: its coins stay as they are")
