"""The ways in which a node misbehaves on command."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """What happens to a call."""

    NORMAL = "normal"
    WARMING_UP = "warming_up"
    """An answer that the node is still starting."""
    HTML = "html"
    """HTTP 502 with an HTML page, no effect."""
    HTML_200 = "html_200"
    """HTTP 200 with an HTML page, no effect."""
    BUSY = "busy"
    """HTTP 503, no effect."""
    HANG_BEFORE = "hang_before"
    """No effect and no answer for as long as the mode lasts."""
    HANG_AFTER = "hang_after"
    """The effect, but no answer for as long as the mode lasts."""
    DROP_BEFORE = "drop_before"
    """The connection is cut, no effect."""
    DROP_AFTER = "drop_after"
    """The effect, then the connection is cut."""
    TRUNCATED = "truncated"
    """The effect, half an answer, then the connection is cut."""


@dataclass(slots=True)
class Behaviour:
    """How the next calls are answered."""

    mode: Mode = Mode.NORMAL
    methods: frozenset[str] = frozenset()
    """Only calls of these methods; empty: all."""
    times: int | None = None
    """For how many calls; None: until it is changed."""
    delay_s: float = 0
    """Seconds before every answer."""
    behind: int = 0
    """How many of the highest blocks the node does not show."""
    wrong_chain: bool = False
    """Whether it says that it is on another chain."""
    corrupt_blocks: bool = False
    """Whether the blocks it sends have other contents than their hash says."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, mode: Mode, methods: frozenset[str], times: int | None) -> None:
        """Change the mode, and let go of the calls that hang."""
        self.mode, self.methods, self.times = mode, methods, times
        self._changed.set()
        self._changed = asyncio.Event()

    def take(self, methods: set[str]) -> Mode:
        """The mode for a request with calls of these methods; counts it."""
        if self.mode is Mode.NORMAL or (self.methods and not methods & self.methods):
            return Mode.NORMAL
        mode = self.mode
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.mode, self.times = Mode.NORMAL, None
        return mode

    async def hang(self) -> None:
        """Wait until the mode is changed."""
        await self._changed.wait()
