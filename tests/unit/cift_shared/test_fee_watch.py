"""What a worker reports about the fee of its network, and that its rail says that it does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from cift_shared.attempts import compose_worker
from cift_shared.attempts.fee_watch import FeeWatch
from cift_shared.attempts.status_report import StatusReport
from cift_shared.errors import ProviderUnavailable, SettingsInvalid
from cift_shared.messaging.rail_status import NETWORK_FEE_DIGITS_MAX, NetworkFee
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction
from cift_shared.rails import registry
from cift_shared.rails.rail import Limits, Rail, Refusal
from cift_shared.runtime.jobs import JobLoop
from cift_shared.testing import FakeClock
from cift_shared.testing.processor import ScriptedProcessor
from tests.support.commands import CLOCK, VAULT

LEASE: Any = None
LIMITS = Limits(1, 100)
RAIL = replace(
    registry.example_rail(),
    name="chain",
    has_notices=False,
    cancel_after_submit=False,
    limits={
        "BTC": {"deposit": LIMITS, "withdrawal": LIMITS, "refund": LIMITS},
        "ETH": {"deposit": LIMITS},
    },
    estimates_network_fee=True,
)


class Network(ScriptedProcessor):
    """A processor that knows what its network charges."""

    price = 5
    is_away_for: str | None = None

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:
        if currency == self.is_away_for:
            raise ProviderUnavailable("away", "away")
        return Money(self.price if direction == "deposit" else 2 * self.price, currency)


def told(watch: FeeWatch) -> Mapping[tuple[str, str], int]:
    return {(fee.type, fee.currency): fee.fee.minor for fee in watch.fees()}


async def test_it_estimates_each_kind_of_payment_that_the_rail_offers() -> None:
    clock, network = FakeClock(), Network()
    watch = FeeWatch(network, RAIL, clock)
    assert watch.fees() == ()
    await watch.estimate(LEASE)
    assert told(watch) == {
        ("deposit", "BTC"): 5, ("withdrawal", "BTC"): 10, ("deposit", "ETH"): 5,
    }  # fmt: skip
    assert {fee.estimated_at for fee in watch.fees()} == {clock.now()}


async def test_a_refused_operation_is_not_estimated() -> None:
    refusing = replace(RAIL, refusals={"withdrawal": Refusal("No", "No.")})
    watch = FeeWatch(Network(), refusing, FakeClock())
    await watch.estimate(LEASE)
    assert {kind for kind, _ in told(watch)} == {"deposit"}


async def test_while_the_network_is_away_the_last_estimates_stay_with_their_time() -> None:
    clock, network = FakeClock(), Network()
    watch = FeeWatch(network, RAIL, clock)
    await watch.estimate(LEASE)
    before = watch.fees()
    clock.advance(timedelta(seconds=10))
    network.price, network.is_away_for = 7, "ETH"
    with pytest.raises(ProviderUnavailable):
        await watch.estimate(LEASE)
    assert watch.fees() == before
    watch.job().when_lost()
    assert watch.fees() == before
    network.is_away_for = None
    await watch.estimate(LEASE)
    assert told(watch)["deposit", "ETH"] == 7
    assert {fee.estimated_at for fee in watch.fees()} == {clock.now()}


@pytest.mark.parametrize(
    ("minor", "fits"),
    [
        (-1, False),
        (0, True),
        (10**NETWORK_FEE_DIGITS_MAX - 1, True),
        (10**NETWORK_FEE_DIGITS_MAX, False),
    ],
)
def test_a_fee_is_zero_or_more_and_can_be_converted(minor: int, fits: bool) -> None:
    body = {"type": "deposit", "currency": "BTC", "fee": Money(minor, "BTC"),
            "estimated_at": FakeClock().now()}  # fmt: skip
    if fits:
        assert NetworkFee.model_validate(body).fee.minor == minor
    else:
        with pytest.raises(ValidationError, match="not the fee of a network"):
            NetworkFee.model_validate(body)


def composed(monkeypatch: pytest.MonkeyPatch, processor: Any, rail: Rail) -> Any:
    monkeypatch.setattr("cift_shared.attempts.worker.rails", lambda: {rail.name: rail})
    settings = SimpleNamespace(vault=lambda: VAULT, group_instance=lambda name: f"{name}-0")
    base: Any = SimpleNamespace(
        settings=settings, pool=None, clock=CLOCK, relay=SimpleNamespace(wake=lambda: None)
    )
    return compose_worker(base, processor, schema="probe", concurrency=1)


async def test_its_worker_estimates_and_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = composed(monkeypatch, Network(rail=RAIL.name), RAIL).parts
    (status,) = [part for part in parts if isinstance(part, StatusReport)]
    assert status.status().network_fees is None
    (loop,) = [part for part in parts if isinstance(part, JobLoop)]
    assert loop.name == "job:probe:network_fee"
    assert loop._job.every == timedelta(seconds=10)
    await loop._job.work(LEASE)
    found = status.status().network_fees
    assert found is not None
    assert len(found) == 3


@pytest.mark.parametrize("declared", [False, True])
def test_a_rail_and_its_processor_agree(monkeypatch: pytest.MonkeyPatch, declared: bool) -> None:
    rail = replace(RAIL, estimates_network_fee=declared)
    other = ScriptedProcessor if declared else Network
    with pytest.raises(SettingsInvalid, match=f"chain: .* estimates_network_fee={declared}"):
        composed(monkeypatch, other(rail=rail.name), rail)
