"""What the worker records beside its attempts."""

from dataclasses import dataclass, field
from typing import Self

import asyncpg

from cift_shared.database.pool import Pool
from paypal_worker.consents import Consents, MemoryConsents, StoredConsents
from paypal_worker.payout_places import MemoryPlaces, Places, StoredPlaces


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one worker; in memory for a processor without a database."""

    consents: Consents = field(default_factory=MemoryConsents)
    """Who lets us take later deposits."""
    places: Places = field(default_factory=MemoryPlaces)
    """In which batch each payout travels."""

    @classmethod
    def stored(cls, pool: "Pool[asyncpg.Record]") -> Self:
        """The records in the worker's tables."""
        return cls(StoredConsents(pool), StoredPlaces(pool))
