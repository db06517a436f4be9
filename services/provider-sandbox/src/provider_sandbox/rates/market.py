"""The prices of the markets, and how each of them misbehaves on command."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

START = {
    "BTC": Decimal(95000),
    "ETH": Decimal(3150),
    "USDC": Decimal(1),
    "USDT": Decimal(1),
}
"""US dollars for one unit, at the start."""


class Mode(StrEnum):
    """How a market answers."""

    NORMAL = "normal"
    HTML = "html"
    """HTTP 200 with an HTML page."""
    BUSY = "busy"
    """HTTP 503."""
    LIMITED = "limited"
    """HTTP 429; Kraken answers 200 with an error of its own."""
    HANG = "hang"
    """No answer for as long as the mode lasts."""
    TRUNCATED = "truncated"
    """The first half of the JSON."""
    NEGATIVE = "negative"
    ZERO = "zero"
    NAN = "nan"
    HUGE = "huge"
    """A number of 40 digits."""
    EXPONENT = "exponent"
    NUMBER = "number"
    """The price as a JSON number."""
    WRONG_PAIR = "wrong_pair"
    """The price of another pair."""
    EMPTY = "empty"
    """An object without content."""


@dataclass(slots=True)
class Market:
    """One market."""

    prices: dict[str, Decimal] = field(default_factory=lambda: dict(START))
    frozen: bool = False
    """It goes on answering its last prices, whatever the others do."""
    mode: Mode = Mode.NORMAL
    times: int | None = None
    """For how many answers; None: until it is changed."""
    asked: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, mode: Mode, times: int | None) -> None:
        """Change the mode, and let go of the requests that hang."""
        self.mode, self.times = mode, times
        self._changed.set()
        self._changed = asyncio.Event()

    async def take(self) -> Mode:
        """The mode of the next answer; waits while the market hangs."""
        self.asked += 1
        mode = self.mode
        if mode is Mode.HANG:
            await self._changed.wait()
            return Mode.BUSY
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.mode, self.times = Mode.NORMAL, None
        return mode

    def shown(self, currency: str, mode: Mode) -> str:
        """A price as text, as the mode has it."""
        price = f"{self.prices[currency]:f}"
        return {
            Mode.NEGATIVE: f"-{price}",
            Mode.ZERO: "0.00",
            Mode.NAN: "NaN",
            Mode.HUGE: "9" * 40,
            Mode.EXPONENT: f"{self.prices[currency]:E}",
        }.get(mode, price)


@dataclass(slots=True)
class Markets:
    """All of them."""

    coinbase: Market = field(default_factory=Market)
    kraken: Market = field(default_factory=Market)

    def named(self, name: str) -> Market | None:
        """A market by its name; None if there is none."""
        return {"coinbase": self.coinbase, "kraken": self.kraken}.get(name)

    def move(self, currency: str, usd: Decimal) -> None:
        """A new price at every market that is not frozen."""
        for market in (self.coinbase, self.kraken):
            if not market.frozen:
                market.prices[currency] = usd
