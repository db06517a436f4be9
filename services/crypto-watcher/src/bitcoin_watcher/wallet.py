"""The hot wallet for commands of operators: its stores and nodes, without the worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bitcoin_watcher.chain_store import TABLES
from bitcoin_watcher.payout_context import WalletContext
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.processor import nodes_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.transfer_store import StoredTransfers
from chain_watch.deposit_store import StoredDeposits
from cift_shared.clock import SystemClock
from cift_shared.database.connecting import database_errors
from cift_shared.database.pool import close_pool, open_pool
from cift_shared.errors import SettingsInvalid

ROLE = "cift_bitcoin"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What commands work with."""

    context: WalletContext
    transfers: StoredTransfers


@asynccontextmanager
async def open_wallet(dsn: str, config: BitcoinConfig) -> AsyncIterator[Wallet]:
    """The hot wallet of a configuration.

    Raises:
        SettingsInvalid: there is no key with a branch for change.
        CiftError: the database can't be reached, or refuses.
    """
    key = config.key()
    if key is None or not key.has_change:
        raise SettingsInvalid("CRYPTO_BTC_XPUB: no key with a branch for change, so no hot wallet")
    nodes = nodes_of(config)
    with database_errors(dsn, role=ROLE):
        pool = await open_pool(dsn, role=ROLE, size_max=1)
        try:
            context = WalletContext(
                config=config,
                store=StoredPayouts(pool),
                deposits=StoredDeposits(pool, TABLES),
                nodes=nodes,
                clock=SystemClock(),
                key=key,
            )
            yield Wallet(context, StoredTransfers(pool))
        finally:
            for node in nodes:
                await node.close()
            await close_pool(pool)
