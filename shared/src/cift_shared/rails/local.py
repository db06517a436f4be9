"""What the local stack needs of a rail: its worker, settings, secrets, twin and demo payments.

A rail registers a `LocalRail` under the entry point group `cift.local`. Nothing here is used in
production.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import httpx

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.entries import load_entries

GROUP = "cift.local"
FINAL = frozenset({"completed", "failed", "expired", "canceled", "in_review"})
"""States in which a demo payment has ended."""


@dataclass(frozen=True, slots=True)
class Step:
    """One demo payment: the demo prints it, the smoke test checks it."""

    name: str
    title: str
    story: str
    """The expected course, for the reader of the demo."""
    status: str
    """The result: a payment status, or the problem's code."""
    expected: str
    payment: dict[str, Any]
    """The payment, or the problem document."""
    moved: tuple[str, ...] = ()
    """What the record of the provider's twin must show for it: kind, amount, currency."""

    facts: Mapping[str, str] = field(default_factory=dict)
    """Additional facts that the demo prints."""

    @property
    def good(self) -> bool:
        """True when it ended as expected."""
        return self.status == self.expected


class Merchant(Protocol):
    """The client of a merchant that the demo payments use."""

    async def pay(self, order: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
        """Request a payment; returns the API's reply, whatever it is."""
        ...

    async def paid(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Request a payment; returns the payment once it is final."""
        ...

    async def refund(self, payment_id: str, amount: str | None = None) -> httpx.Response:
        """Request a refund of the whole payment or of a part."""
        ...

    async def cancel(self, payment_id: str) -> httpx.Response:
        """Request that a payment is canceled."""
        ...

    async def final(self, payment_id: str) -> dict[str, Any]:
        """The payment once it is final."""
        ...

    async def reach(self, payment_id: str, states: AbstractSet[str]) -> dict[str, Any]:
        """The payment once it is in one of these states."""
        ...

    async def receipt(self, payment_id: str) -> str:
        """The provider's receipt of a payment, once it exists."""
        ...

    async def save_method(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Save a payment method and return it."""
        ...


@dataclass(frozen=True, slots=True)
class StackContext:
    """The local stack in which a rail runs: addresses, secrets, settings."""

    folder: Path
    """The folder of all the stack's files."""
    gateway: str
    """The gateway's address."""
    twin: str
    """The address of the rail's twin."""
    speed: int
    """How many times faster than the real provider the twin is."""
    secrets: Mapping[str, str]
    """The stack's secrets, by environment variable."""
    processes: Mapping[str, str] = field(default_factory=dict)
    """The addresses of the rail's additional processes, by name."""


@dataclass(frozen=True, slots=True)
class TwinBook:
    """How to read the record of moved money of the rail's twin."""

    provider: str
    """The provider's name in the record."""
    places: int
    """Decimal places of the record's integer amounts."""
    incoming: frozenset[str]
    """Kinds of entries for money that we receive; every other kind is money that we pay."""
    other_places: Mapping[str, int] = field(default_factory=dict)
    """Decimal places of currencies that differ."""
    operations: Mapping[str, frozenset[str]] | None = None
    """The operations that cause each kind of entry. A kind that is not in it is caused by none: the
    provider moved that money by itself. None: deposits cause incoming entries, withdrawals and
    refunds all others."""

    def places_of(self, currency: str) -> int:
        """Decimal places of the record's amounts in a currency."""
        return self.other_places.get(currency, self.places)

    def caused_by(self, kind: str) -> frozenset[str]:
        """The operations that cause entries of this kind; empty: none does."""
        if self.operations is not None:
            return self.operations.get(kind, frozenset())
        return frozenset({"deposit"} if kind in self.incoming else {"withdrawal", "refund"})


@dataclass(frozen=True, slots=True)
class Twin:
    """A process that simulates the rail's provider.

    It answers `/control/health`, and `/control/book` with the record of moved money.
    """

    name: str
    module: str
    """For `python -m`."""
    port: int
    """Its port, if that is free."""


PROVIDER_SANDBOX = Twin("provider-sandbox", "provider_sandbox", 8090)
"""The process with the twins of several providers."""


def _nothing(_: StackContext) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProcess:
    """An additional process of a rail, for example one that signs for its worker.

    It starts before the workers, and there is one, independent of the number of replicas. It serves
    HTTP on `CIFT_HTTP_PORT`, or health and metrics alone on `CIFT_OPS_PORT`: the port is the same.
    """

    name: str
    module: str
    """For `python -m`."""
    port: int
    """Its port, if that is free."""
    environment: Callable[[StackContext], Mapping[str, str]] = _nothing
    """Makes variables that only this process gets, in addition to those of the stack."""
    health: str = "/healthz"
    """The path that answers 200 once it is ready."""


@dataclass(frozen=True, slots=True)
class LocalRail:
    """One rail in the local stack."""

    worker: str
    """The name of its worker's process; rails of one worker have the same name here."""
    module: str
    """The worker's module, for `python -m`."""
    port: int
    """The worker's operations port, if it is free."""
    secrets: Mapping[str, Callable[[], str]]
    """The function that makes each secret, by environment variable."""
    environment: Callable[[StackContext], Mapping[str, str]]
    """Makes the environment variables that the rail's worker, the gateway and the twin need."""
    book: TwinBook
    play: Callable[[Merchant, str], AsyncIterator[Step]]
    """Makes the demo payments for a customer, one after the other."""
    final_balance: Mapping[str, Decimal]
    """The customer's balance after the demo payments, by currency."""
    twin: Twin = PROVIDER_SANDBOX
    """The process that simulates the provider; rails may share one."""
    processes: Sequence[LocalProcess] = ()
    """Processes in addition to its worker."""
    sample: Mapping[str, Any] | None = None
    """The request body of a payment to try manually, without `customer_id`."""
    checks: Sequence[tuple[str, ...]] = ()
    """Commands of `cift` that must find nothing after the demo payments; rails may share one."""


@cache
def local_twins() -> list[Twin]:
    """The twins of the installed rails, each once.

    Raises:
        SettingsInvalid: an entry point is not a `LocalRail`.
    """
    return list(dict.fromkeys(rail.twin for rail in local_rails().values()))


@cache
def local_processes() -> Mapping[str, tuple[LocalRail, LocalProcess]]:
    """The additional processes of the installed rails by name, each with its rail.

    Raises:
        SettingsInvalid: two have the same name, or an entry point is not a `LocalRail`.
    """
    found: dict[str, tuple[LocalRail, LocalProcess]] = {}
    for rail in local_rails().values():
        for process in rail.processes:
            if process.name in found:
                raise SettingsInvalid(f"{GROUP}: two processes are named {process.name!r}")
            found[process.name] = rail, process
    return found


@cache
def local_rails() -> Mapping[str, LocalRail]:
    """The installed rails' local parts by rail, in the order of their ports; read once per process.

    Raises:
        SettingsInvalid: an entry point is not a `LocalRail`.
    """
    return dict(sorted(load_entries(GROUP, LocalRail), key=lambda entry: entry[1].port))
