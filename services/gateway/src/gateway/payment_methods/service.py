"""Saved payment methods: store an instrument here, or have the provider save it; delete either.

An instrument that the provider saves is stored here with its command in one statement
(`Idempotency.decide`). The request then waits a few seconds for the worker's result (`results.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel

from cift_shared.clock import Clock
from cift_shared.failpoints import failpoint
from cift_shared.ids import IdFactory
from cift_shared.messaging.outbox import Relay
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.database.queries import Row
from gateway.http.prefer_wait import Waiting, Watched
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.service import Accepted, Idempotency, Refused, Repeated
from gateway.idempotency.store import RequestKey
from gateway.payment_methods.commands import (
    SaveRequest,
    detach_message,
    setup_acceptance,
)
from gateway.payment_methods.instruments import fingerprint_of, sealed_instrument
from gateway.payment_methods.kinds import saved_kind
from gateway.payment_methods.presenters import saved_method_out
from gateway.payment_methods.repository import MethodRepository, StoredMethod
from gateway.problems.problem import Problem

WAIT_S = 5
"""Seconds to wait for the provider when the caller does not request a wait."""
# The states in which the caller can continue: the method can be entered or used, or has failed.
ANSWERED_STATES = frozenset({"requires_action", "active", "failed", "detached"})


@dataclass(frozen=True, slots=True)
class Setup:
    """The saved method of a request to save an instrument at the provider, as it is now."""

    row: Row
    replayed: bool
    """True when an earlier request with the same idempotency key made it."""
    waited_s: int | None
    """The wait that the caller requested; None when it requested none, or there was no wait."""


@dataclass(slots=True, eq=False)
class PaymentMethods:
    """The operations on saved payment methods."""

    repository: MethodRepository
    idempotency: Idempotency
    waiting: Waiting
    relay: Relay
    vault: Vault
    client_keys: Mapping[str, str | None]
    """The key of each rail's provider for clients, where it has one."""
    clock: Clock
    ids: IdFactory

    async def save_here(self, request: SaveRequest, caller: Caller) -> Row:
        """Save an instrument here; `fresh` in the row is False when it was saved before.

        Raises:
            InvalidCommand: the rail can't read the instrument.
        """
        named = request.named()
        stored = StoredMethod(
            method_id=self.ids.new_id(),
            customer_id=request.body.customer_id,
            method=request.rail.method,
            rail=request.rail.name,
            instrument=sealed_instrument(named, request.kind, self.vault),
            fingerprint=fingerprint_of(named, request.kind, self.vault),
        )
        return await self.repository.store(caller, stored, now=self.clock.now())

    async def save_at_provider(
        self, request: SaveRequest, key: RequestKey, requested_wait_s: int | None
    ) -> Setup:
        """Have the provider save an instrument, once for each idempotency key.

        Args:
            request: the checked request.
            key: its idempotency key.
            requested_wait_s: seconds to wait for the provider, as requested; None: not requested.

        Raises:
            Problem: the key belongs to another request, is in flight, or
                belongs to a method that was deleted since.
        """
        failpoint("gateway.before_setup_stored")
        decision = await self.idempotency.decide(key, self._evaluate_setup(request, key.caller))
        failpoint("gateway.after_setup_stored")
        if not isinstance(decision, Accepted):
            return await self._made_before(key.caller, decision)
        made = decision.acceptance
        wait_s = WAIT_S if requested_wait_s is None else requested_wait_s
        answered = await self._wait(key.caller, made.resource_id, wait_s) if wait_s else None
        return Setup(
            answered or made.row, replayed=False, waited_s=requested_wait_s if answered else None
        )

    async def _evaluate_setup(self, request: SaveRequest, caller: Caller) -> Acceptance:
        instrument = sealed_instrument(request.named(), request.kind, self.vault)
        return setup_acceptance(request, instrument, self.ids.new_id(), caller, self.clock.now())

    async def _made_before(self, caller: Caller, decision: Refused | Repeated) -> Setup:
        made = decision.stored.resource_id if isinstance(decision, Repeated) else None
        row = None if made is None else await self.repository.one(caller, made)
        if row is None:
            raise Problem("payment_method_not_found", "It was saved and deleted.")
        return Setup(row, replayed=True, waited_s=None)

    async def _wait(self, caller: Caller, method_id: UUID, wait_s: int) -> Row | None:
        async def read() -> Row | None:
            return await self.repository.one(caller, method_id)

        watched = Watched(method_id, read, _has_answer)
        return await self.waiting.until(caller.key_id, watched, wait_s)

    async def one(self, caller: Caller, method_id: UUID) -> Row:
        """Read one saved method.

        Raises:
            Problem: payment_method_not_found.
        """
        row = await self.repository.one(caller, method_id)
        if row is None:
            raise Problem("payment_method_not_found")
        return row

    async def verify(self, caller: Caller, method_id: UUID) -> Row:
        """Check whether a completed deposit has verified the method; returns the method.

        Raises:
            Problem: payment_method_not_found.
        """
        row = await self.repository.verify(caller, method_id)
        if row is None:
            raise Problem("payment_method_not_found")
        return row

    async def delete(self, caller: Caller, method_id: UUID) -> None:
        """Make a saved method unusable at once; a provider that has saved it deletes it afterwards.

        Raises:
            Problem: payment_method_not_found.
        """
        row = await self.one(caller, method_id)
        saving = saved_kind(row).saving
        if saving and saving.at_provider:
            await self._detach(caller, row)
        else:
            await self.repository.delete(caller, method_id)

    async def _detach(self, caller: Caller, saved: Row) -> None:
        """Detach a method; send the command to remove it at the provider if it is saved there.

        A method that the provider has not confirmed is not saved there yet. If the provider
        confirms it later, the handler of that result sends the command (`results.py`).
        """
        row: Row | None = saved
        while row is not None:
            now = self.clock.now()
            message = detach_message(row, now) if row["state"] == "active" else None
            if await self.repository.detach(caller, row, message, now=now):
                self.relay.wake()
                return
            # a result of the worker changed the state in between: read the method and try again
            row = await self.repository.one(caller, row["payment_method_id"])

    def shown(self, row: Row) -> BaseModel:
        """A saved method for its owner, with what the customer's client needs to enter it."""
        return saved_method_out(row, self.vault, self.client_keys.get(row["rail"]))


def _has_answer(method: Row) -> bool:
    return method["state"] in ANSWERED_STATES
