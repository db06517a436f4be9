"""The scripts that transactions of ours pay; in a block they show that one is confirmed."""

from dataclasses import dataclass

from bitcoin_watcher.chain_store import ChainStore


@dataclass(frozen=True, slots=True)
class PayoutScripts:
    """Watched beside the addresses of deposits."""

    store: ChainStore

    async def scripts_after(self, index: int) -> tuple[int, list[bytes]]:
        """The scripts of outputs with a higher number, and the highest number."""
        return await self.store.payout_scripts_after(index)
