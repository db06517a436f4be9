"""The addresses that we watch, in memory: all of them, for ever, because payers reuse them."""

from typing import Protocol


class WatchedStore(Protocol):
    """Where addresses are stored."""

    async def scripts_after(self, index: int) -> tuple[int, list[bytes]]:
        """The addresses with a higher index as blocks have them, and the highest index."""
        ...


class Watched:
    """The set of watched addresses as blocks have them; it only grows."""

    def __init__(self, store: WatchedStore) -> None:
        self._store = store
        self._found: set[bytes] = set()
        self._index = -1

    async def read(self) -> set[bytes]:
        """Every address that is stored by now; only new ones are read.

        An address becomes visible before it is shown to anyone, so whoever reads a block or a
        transaction first, and the addresses after it, misses none.
        """
        self._index, fresh = await self._store.scripts_after(self._index)
        self._found.update(fresh)
        return self._found
