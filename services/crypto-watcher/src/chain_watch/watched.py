"""The addresses that we watch, in memory: all of them, for ever, because payers reuse them."""

from typing import Protocol


class WatchedStore(Protocol):
    """Where addresses, or other scripts that we watch, are stored."""

    async def scripts_after(self, index: int) -> tuple[int, list[bytes]]:
        """The addresses with a higher index as blocks have them, and the highest index."""
        ...


class Watched:
    """The set of watched addresses as blocks have them; it only grows."""

    def __init__(self, *stores: WatchedStore) -> None:
        self._found: set[bytes] = set()
        self._index = dict.fromkeys(stores, -1)
        """What was read last, by store."""

    async def read(self) -> set[bytes]:
        """Every address that is stored by now; only new ones are read.

        An address becomes visible before it is shown to anyone, so whoever reads a block or a
        transaction first, and the addresses after it, misses none.
        """
        for store, index in self._index.items():
            self._index[store], fresh = await store.scripts_after(index)
            self._found.update(fresh)
        return self._found
