"""A worker that dies at every step pays exactly once."""

import pytest

from tests.integration.vodacom_worker.harness import VodacomHarness
from tests.support import vodacom
from tests.support.deaths import Deaths

PLACES = [
    "vodacom.after_session",
    "vodacom.before_session_commit",
    "vodacom.before_request",
    "vodacom.after_request",
    "worker.before_call",
    "worker.after_call",
]


@pytest.mark.parametrize("place", PLACES)
async def test_a_deposit_is_paid_once(harness: VodacomHarness, deaths: Deaths, place: str) -> None:
    command = vodacom.deposit()
    deaths.at(place)
    await harness.send(command)
    await deaths.have_met(place)
    await harness.restart()
    await harness.reach(command.payment_id, "settled")
    assert await harness.book() == [("c2b", "20000")]


@pytest.mark.parametrize("place", PLACES[2:])
async def test_a_payout_is_paid_once(harness: VodacomHarness, deaths: Deaths, place: str) -> None:
    command = vodacom.withdrawal()
    deaths.at(place)
    await harness.send(command)
    await deaths.have_met(place)
    await harness.restart()
    await harness.reach(command.payment_id, "settled")
    assert await harness.book() == [("b2c", "5000")]


async def test_in_synchronous_use_too(held: VodacomHarness, deaths: Deaths) -> None:
    command = vodacom.deposit()
    deaths.at("vodacom.after_request")
    await held.send(command)
    await deaths.have_met("vodacom.after_request")
    await held.restart(flow="synchronous")
    await held.reach(command.payment_id, "settled")
    assert await held.book() == [("c2b", "20000")]
