"""The scripts that we watch, in memory: all of them, for ever, because payers reuse addresses.

They are those of deposits, and those that our own transactions pay.
"""

from bitcoin_watcher.chain_store import ChainStore


class Scripts:
    """The set of watched scripts; it only grows."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._found: set[bytes] = set()
        self._index = -1
        self._payout_output = 0

    async def read(self) -> set[bytes]:
        """Every script that is stored by now; only new ones are read.

        A script becomes visible before its address is shown to anyone, so whoever reads a block or
        a transaction first, and the scripts after it, misses none.
        """
        self._index, fresh = await self._store.scripts_after(self._index)
        self._found.update(fresh)
        self._payout_output, paid = await self._store.payout_scripts_after(self._payout_output)
        self._found.update(paid)
        return self._found
