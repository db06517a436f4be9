"""How much the hot wallet should hold. Pure, no I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a sweep takes from the hot wallet, in satoshi, the network's fee included."""

    wanted: int
    most: int
    """The limit, if the change is too small to be an output."""


@dataclass(frozen=True, slots=True)
class HotLimits:
    """What the hot wallet should hold, in satoshi."""

    floor: int
    ceiling: int
    """0: there is none, and nothing is swept."""

    @property
    def target(self) -> int:
        """What is left after a sweep: halfway between floor and ceiling."""
        return (self.floor + self.ceiling) // 2

    def leaving(self, held: int) -> Leaving | None:
        """What is to leave of an amount; None up to the ceiling."""
        if not self.ceiling or held <= self.ceiling:
            return None
        return Leaving(held - self.target, held - self.floor)
