"""What deposits and the processor share: settings, stores, clock, timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bitcoin_watcher.addresses import AddressKey, Derived
from bitcoin_watcher.deposit_store import DepositStore
from bitcoin_watcher.domain import Tip
from bitcoin_watcher.settings import BitcoinConfig
from cift_shared.attempts.processor import PROVIDER_UNAVAILABLE
from cift_shared.clock import Clock
from cift_shared.messaging.messages import Step

FOLLOWED_WITHIN = timedelta(seconds=120)
"""From this age of the last read that reached the tip on, no deposit is taken."""


@dataclass
class WatchState:
    """How far the chain is read, as this process knows it; a loop keeps it up to date."""

    clock: Clock
    tip: Tip | None = None

    def unavailable_reason(self) -> str | None:
        """Why no deposit can be taken now; None: it can."""
        at = self.tip.followed_at if self.tip is not None else None
        is_new = at is not None and self.clock.now() - at < FOLLOWED_WITHIN
        return None if is_new else PROVIDER_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of deposits."""

    config: BitcoinConfig
    store: DepositStore
    watch: WatchState
    clock: Clock
    key: AddressKey | None
    shared: Derived | None = field(default=None)
    """The address of all deposits; None: each has its own."""

    def derive(self, index: int) -> Derived:
        """The address of an index."""
        if self.key is None:
            raise AssertionError("deposits share one address")
        return self.key.derive(index)

    def step(self, name: str, detail: Mapping[str, object] | None = None) -> Step:
        """A step for the timeline, now."""
        return Step.of(self.clock.now(), f"bitcoin.{name}", detail or {})
