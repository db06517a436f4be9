"""The simulation is itself tried out: each of these bugs must be found within a few seeds."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from card_worker.client import StripeApi
from cift_shared.attempts import state_machine
from cift_shared.errors import OutcomeUnknown, ProviderUnavailable
from mpesa_worker import deposits as mpesa_deposits
from mpesa_worker.payouts import Payouts
from mpesa_worker.processor import MpesaProcessor
from tests.integration.ledger.model import Model
from tests.simulation.memory_sql import Schema
from tests.simulation.simulation import Simulation

SEEDS_MAX = 1500
OFTEN = (385, 131, 59, 21, 3537, 2432, 8783)
"""Seeds that are tried first: they found much when this was written."""
Change = Callable[[Any], None]


def resend_is_always_safe(patch: Any) -> None:
    patch.setattr(MpesaProcessor, "resend_is_safe", lambda *_: True)


def fencing_is_ignored(patch: Any) -> None:
    patch.setattr(Schema, "_holds", lambda self, one: one["attempt_id"] in self.attempts)


def a_claim_is_no_lease(patch: Any) -> None:
    claim = Schema._claim

    def careless(self: Schema, states: Any, limit: int, owner: str, lease: Any) -> Any:
        found = claim(self, states, limit, owner, lease)
        for row in found:
            self.attempts[row["attempt_id"]] |= {
                "state": row["state_before"],
                "next_check_at": self.now(),
            }
        return found

    patch.setattr(Schema, "_claim", careless)


def a_known_command_begins_anew(patch: Any) -> None:
    ingest = Schema._ingest

    def forgetful(self: Schema, ids: Any, *more: Any) -> Any:
        for attempt_id in ids:
            self.attempts.pop(attempt_id, None)
        return ingest(self, ids, *more)

    patch.setattr(Schema, "_ingest", forgetful)


def a_time_out_is_a_no(patch: Any) -> None:
    after_submit_error = state_machine.after_submit_error

    def hasty(claim: Any, error: Any, *, resend_is_safe: bool, now: Any) -> Any:
        if isinstance(error, OutcomeUnknown):
            error = ProviderUnavailable(error.code, "")
            claim = replace(claim, age=state_machine.SUBMIT_DEADLINE["refund"], maybe_sent=False)
        return after_submit_error(claim, error, resend_is_safe=resend_is_safe, now=now)

    patch.setattr(state_machine, "after_submit_error", hasty)


def a_time_out_was_never_sent(patch: Any) -> None:
    after_submit_error = state_machine.after_submit_error

    def hopeful(claim: Any, error: Any, *, resend_is_safe: bool, now: Any) -> Any:
        if isinstance(error, OutcomeUnknown):
            error = ProviderUnavailable(error.code, "")
        return after_submit_error(claim, error, resend_is_safe=resend_is_safe, now=now)

    patch.setattr(state_machine, "after_submit_error", hopeful)


def each_try_of_a_payout_has_a_new_key(patch: Any) -> None:
    request, numbers = Payouts._request, itertools.count()

    def renamed(self: Payouts, *words: Any) -> Any:
        made = request(self, *words)
        return made.model_copy(update={"originator_id": f"{made.originator_id}-{next(numbers)}"})

    patch.setattr(Payouts, "_request", renamed)


def a_refund_is_not_looked_for(patch: Any) -> None:
    create, numbers = StripeApi.create_refund, itertools.count()

    async def nothing_found(*_: Any) -> None:
        return None

    async def made_anew(self: StripeApi, params: Any, key: str) -> Any:
        return await create(self, params, f"{key}-{next(numbers)}")

    patch.setattr(StripeApi, "find_refund", nothing_found)
    patch.setattr(StripeApi, "create_refund", made_anew)


def a_push_that_expired_is_forgotten(patch: Any) -> None:
    patch.setattr(mpesa_deposits, "LATE_QUERY_WAITS_S", ())


def every_settlement_is_booked(patch: Any) -> None:
    def again(self: Model, payment: Any, result: Any, *, matches: bool) -> str:
        self._book(payment)
        return "applied"

    patch.setattr(Model, "_again", again)
    patch.setattr(
        Model, "_told", lambda self, one: self._one(self.payments[str(one.payment_id)], one)
    )


def state_and_result_are_stored_apart(patch: Any) -> None:
    store = Schema._store

    def apart(self: Schema, one: Any, seen: Any) -> None:
        store(self, {**one, "body": None, "tells_state": False}, seen)

    patch.setattr(Schema, "_store", apart)


MUTANTS: tuple[Change, ...] = (
    resend_is_always_safe,
    fencing_is_ignored,
    a_claim_is_no_lease,
    a_known_command_begins_anew,
    a_time_out_is_a_no,
    a_time_out_was_never_sent,
    each_try_of_a_payout_has_a_new_key,
    a_refund_is_not_looked_for,
    a_push_that_expired_is_forgotten,
    every_settlement_is_booked,
    state_and_result_are_stored_apart,
)


@pytest.mark.parametrize("change", MUTANTS, ids=lambda change: change.__name__)
def test_the_simulation_finds(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch)
    reports = (Simulation(seed).run() for seed in (*OFTEN, *range(SEEDS_MAX)))
    found = next((report for report in reports if report.findings), None)
    assert found is not None
    print(change.__name__, found)
