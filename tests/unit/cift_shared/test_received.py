"""Money that no command asked for: what a worker must tell of it."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from cift_shared.attempts.received import received_result
from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import PaymentResult, Step
from cift_shared.messaging.received import ReceivedMoney, received_id
from cift_shared.money.amount import Money
from cift_shared.rails.registry import example_rail
from tests.support.commands import CLOCK

INSTRUMENT = Instrument(kind="wallet", display="w***1", sealed="")
WALLET = replace(example_rail(), name="wallet", method="wallets")
STEP = Step(at=CLOCK.now(), name="wallet.seen")


def received(minor: int = 1, **owner: Any) -> PaymentResult:
    money = ReceivedMoney(livemode=True, instrument=INSTRUMENT, **owner)
    return received_result(
        WALLET, "tx1", Money(minor, "KES"), money, occurred_at=CLOCK.now(), evidence=[STEP]
    )


def test_everything_that_names_it_follows_from_the_reference() -> None:
    told = received()
    assert told.payment_id == received_id("wallet", "tx1")
    assert told.payment_id == UUID(
        "74c7e4f4-9942-5680-9510-2ec3320bba28"
    )  # a change would count money twice
    assert (told.result_id, told.attempt_id, told.seq) == (
        f"{told.payment_id}.1", told.payment_id, 1,
    )  # fmt: skip
    assert (told.kind, told.method, told.provider_reference) == ("received", "wallets", "tx1")
    assert told.rail == "wallet"
    assert (told.amount, told.evidence) == (Money(1, "KES"), [STEP])
    assert (told.occurred_at, told.received and told.received.livemode) == (CLOCK.now(), True)
    assert len({received_id(*name) for name in (("a", "x"), ("a", "y"), ("b", "x"))}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"payment_id": str(UUID(int=1))},
        {"provider_reference": "tx2"},
        {"provider_reference": None},
        {"rail": "other"},
        {"amount": None},
        {"amount": {"minor": "0", "currency": "KES"}},
        {"received": None},
    ],
)
def test_what_is_not_whole_is_refused(change: dict[str, Any]) -> None:
    body = json.loads(received().model_dump_json(exclude_none=True))
    assert PaymentResult.model_validate(body) == received()
    with pytest.raises(ValidationError, match="a received amount"):
        PaymentResult.model_validate({**body, **change})


@pytest.mark.parametrize("owner", [{"merchant_id": "m"}, {"customer_id": "c"}])
def test_an_owner_is_a_merchant_and_a_customer(owner: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="both a merchant and a customer"):
        received(**owner)
    assert received(merchant_id="m", customer_id="c").received is not None
