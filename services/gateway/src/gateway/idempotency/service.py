"""Decide a request once for each idempotency key, however often the client repeats it.

The gateway stores the first decision under the key: an acceptance, or a refusal that could be an
acceptance at another moment. Every repeat of the request gets the stored decision. If such a
refusal were not stored, a copy of the request that a gateway process still holds could be accepted
after the client was refused. `problems.KINDS` defines for each code whether it is stored. Errors in
the body alone are found before `decide` and never stored.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from cift_shared.clock import Clock
from cift_shared.errors import InvalidCommand, InvariantViolated, RateStale
from cift_shared.messaging.outbox import Relay
from cift_shared.observability import metrics
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.store import (
    IdempotencyStore,
    KeyInFlight,
    Outcome,
    RequestKey,
    StoredReply,
)
from gateway.problems.problem import Problem, as_problem


@dataclass(frozen=True, slots=True)
class Accepted:
    """This request was accepted now."""

    acceptance: Acceptance
    reply: dict[str, Any]
    """The reply that is stored, with what the database has added to it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """This request was refused now."""

    status: int
    document: dict[str, Any]
    """The problem document that is stored."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """An earlier request with this key was decided; its decision applies."""

    stored: StoredReply


Decision = Accepted | Refused | Repeated


@dataclass(slots=True, eq=False)
class Idempotency:
    """Decides requests, once for each idempotency key."""

    store: IdempotencyStore
    relay: Relay
    clock: Clock

    async def earlier(self, key: RequestKey) -> Repeated | None:
        """The stored decision of the key's first request; None for a new key.

        Raises:
            Problem: idempotency_key_reused: the first request had another path or body.
        """
        stored = await self.store.stored_reply(key)
        if stored is None:
            return None
        if stored.request_digest != key.request_digest:
            raise Problem("idempotency_key_reused", "Use a new key for a new request.")
        metrics.DUPLICATES.labels("gateway").inc()
        return Repeated(stored)

    async def decide(
        self, key: RequestKey, evaluation: Coroutine[Any, Any, Acceptance]
    ) -> Accepted | Refused | Repeated:
        """Accept or refuse a request, unless an earlier one with its key was decided.

        Args:
            key: the key of this request.
            evaluation: reads the current state; returns the acceptance or raises the refusal.

        Raises:
            Problem: idempotency_key_in_flight: another request with this key is being decided;
                idempotency_key_reused; or a refusal that is not stored, of a new key.
            InvalidCommand: a refusal that is not stored, of a new key.
        """
        try:
            decision = await self._first(key, evaluation)
        except KeyInFlight as error:
            raise Problem("idempotency_key_in_flight") from error
        if decision is not None:
            return decision
        earlier = await self.earlier(key)
        if earlier is None:
            raise InvariantViolated("an idempotency key is in use but not stored")
        return earlier

    async def _first(
        self, key: RequestKey, evaluation: Coroutine[Any, Any, Acceptance]
    ) -> Accepted | Refused | None:
        """Decide and store the decision; None when the key was used before."""
        now = self.clock.now()
        try:
            acceptance = await evaluation
        except (Problem, InvalidCommand, RateStale) as error:
            problem = as_problem(error)
            if problem.kind.stored:
                document = problem.document(key.instance)
                return _refused(await self.store.refuse(key, document, now=now))
            if await self.store.stored_reply(key) is None:
                raise
            return None  # the state has changed since an earlier request was decided
        outcome = await self.store.accept(key, acceptance, now=now)
        if outcome is None or outcome.refused:
            return _refused(outcome)
        if acceptance.message is not None:
            self.relay.wake()
        return Accepted(acceptance, outcome.reply)


def _refused(outcome: Outcome | None) -> Refused | None:
    return None if outcome is None else Refused(outcome.status, outcome.reply)
