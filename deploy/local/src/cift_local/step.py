"""One payment of the scenario, told: the demo prints it, the smoke test checks it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One payment, told."""

    name: str
    title: str
    story: str
    """What to expect, for the reader."""
    status: str
    """How it ended: a payment status, or the problem's code."""
    expected: str
    payment: dict[str, Any]
    """The payment, or the problem document."""
    moved: tuple[str, ...] = ()
    """What the provider's own book must show of it: kind, amount, currency."""

    @property
    def good(self) -> bool:
        """True when it ended as it should."""
        return self.status == self.expected
