"""A loop that reads how far a chain is read, also in processes that do not lead the reading."""

import asyncio
from dataclasses import dataclass
from typing import Generic

from chain_watch.context import WatchState
from chain_watch.deposit_store import StoredDeposits
from chain_watch.domain import ArrivalType, Derived
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.observability.log import get_logger

STATE_EVERY_S = 1.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class WatchReader(Generic[ArrivalType]):
    """The loop."""

    store: StoredDeposits[ArrivalType]
    state: WatchState
    shared: Derived | None
    """The address that all deposits share; None: each has its own."""
    name: str

    async def run(self) -> None:
        """Watch the shared address, then read until cancelled."""
        if self.shared is not None:
            await self.store.share(self.shared)
        while True:
            try:
                self.state.tip = await self.store.tip()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("chain.watch_state_unread", part=self.name, error=repr(error))
            await asyncio.sleep(STATE_EVERY_S)
