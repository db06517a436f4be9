"""Saved payment methods: save a phone, have the provider save a card, delete either.

A card is stored with its command in one statement (`Idempotency.decide`). The request then waits a
few seconds for the worker's result (`results.py`).
"""

from dataclasses import dataclass
from uuid import UUID

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
from gateway.payment_methods.commands import card_acceptance, detach_message
from gateway.payment_methods.instruments import CARD, phone_fingerprint, phone_instrument
from gateway.payment_methods.phones import normalised
from gateway.payment_methods.presenters import saved_method_out
from gateway.payment_methods.repository import MethodRepository, SavedPhone
from gateway.payment_methods.requests import SavedMethodIn
from gateway.payment_methods.responses import SavedCardOut, SavedPhoneOut
from gateway.problems.problem import Problem, body_problem

WAIT_S = 5
"""Seconds to wait for the provider when the caller does not request a wait."""
# In these states the caller can continue: the card can be entered or used, or has failed.
ANSWERED_STATES = frozenset({"requires_action", "active", "failed", "detached"})


@dataclass(frozen=True, slots=True)
class CardSetup:
    """The card of a request to save one, as it is now."""

    row: Row
    replayed: bool
    """True when an earlier request with the same idempotency key made it."""
    waited_s: int | None
    """The seconds that the caller asked to wait; None when it did not, or there was no wait."""


@dataclass(slots=True, eq=False)
class PaymentMethods:
    """The operations on saved payment methods."""

    repository: MethodRepository
    idempotency: Idempotency
    waiting: Waiting
    relay: Relay
    vault: Vault
    publishable_key: str | None
    """The card provider's key for clients."""
    clock: Clock
    ids: IdFactory

    async def save_phone(self, wish: SavedMethodIn, caller: Caller) -> Row:
        """Save a phone for a customer; `fresh` in the row is False when it was saved before.

        Raises:
            Problem: payment_method_invalid.
            InvalidCommand: not a phone number.
        """
        if wish.phone is None or {"token", "return_url"} & wish.model_fields_set:
            raise body_problem("payment_method_invalid", "This method takes a phone.", "/phone")
        phone = normalised(wish.phone, wish.country)
        instrument = phone_instrument(phone, wish.country, self.vault)
        kept = SavedPhone(
            method_id=self.ids.new_id(),
            customer_id=wish.customer_id,
            method=wish.method,
            display=instrument.display,
            sealed=instrument.sealed,
            country=wish.country,
            fingerprint=phone_fingerprint(phone, self.vault),
        )
        return await self.repository.save_phone(caller, kept, now=self.clock.now())

    async def save_card(
        self, wish: SavedMethodIn, key: RequestKey, wished_s: int | None
    ) -> CardSetup:
        """Have the provider save a card, once for each idempotency key.

        Args:
            wish: the request.
            key: its idempotency key.
            wished_s: seconds that the caller wants to wait for the provider; None: not requested.

        Raises:
            Problem: the key belongs to another request, is in flight, or belongs to a card that
                was deleted since.
        """
        failpoint("gateway.before_card")
        decision = await self.idempotency.decide(key, self._judge_card(wish, key.caller))
        failpoint("gateway.after_card")
        if not isinstance(decision, Accepted):
            return await self._made_before(key.caller, decision)
        made = decision.acceptance
        wait_s = WAIT_S if wished_s is None else wished_s
        answered = await self._wait(key.caller, made.resource_id, wait_s) if wait_s else None
        return CardSetup(
            answered or made.row, replayed=False, waited_s=wished_s if answered else None
        )

    async def _judge_card(self, wish: SavedMethodIn, caller: Caller) -> Acceptance:
        return card_acceptance(wish, self.ids.new_id(), caller, self.vault, self.clock.now())

    async def _made_before(self, caller: Caller, decision: Refused | Repeated) -> CardSetup:
        made = decision.stored.resource_id if isinstance(decision, Repeated) else None
        row = None if made is None else await self.repository.one(caller, made)
        if row is None:
            raise Problem("payment_method_not_found", "It was saved and deleted.")
        return CardSetup(row, replayed=True, waited_s=None)

    async def _wait(self, caller: Caller, method_id: UUID, wait_s: int) -> Row | None:
        async def look() -> Row | None:
            return await self.repository.one(caller, method_id)

        watched = Watched(method_id, look, _has_answer)
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

    async def forget(self, caller: Caller, method_id: UUID) -> None:
        """Make a saved method unusable at once; the provider then deletes a card as well.

        Raises:
            Problem: payment_method_not_found.
        """
        row = await self.one(caller, method_id)
        if row["kind"] == CARD:
            await self._forget_card(caller, row)
        else:
            await self.repository.delete_phone(caller, method_id)

    async def _forget_card(self, caller: Caller, saved: Row) -> None:
        """Detach a card; send the command to detach it at the provider if it is saved there.

        A card that the provider has not confirmed is not saved there yet. If the provider confirms
        it later, the handler of that result sends the command (`results.py`).
        """
        row: Row | None = saved
        while row is not None:
            now = self.clock.now()
            message = detach_message(row, now) if row["state"] == "active" else None
            if await self.repository.detach_card(caller, row, message, now=now):
                self.relay.wake()
                return
            # a result of the worker changed the state in between: read the card and try again
            row = await self.repository.one(caller, row["payment_method_id"])

    def shown(self, row: Row) -> SavedPhoneOut | SavedCardOut:
        """A saved method for its owner, with what the customer's client needs to enter a card."""
        return saved_method_out(row, self.vault, self.publishable_key)


def _has_answer(method: Row) -> bool:
    return method["state"] in ANSWERED_STATES
