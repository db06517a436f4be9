"""What a provider charged for no payment: what a worker must tell of it."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from cift_shared.attempts.charged import charged_result
from cift_shared.messaging.charged import ProviderCharge, charged_id
from cift_shared.messaging.messages import PaymentResult
from cift_shared.messaging.received import received_id
from cift_shared.money.amount import Money
from cift_shared.rails.registry import example_rail
from tests.support.commands import CLOCK

WALLET = replace(example_rail(), name="wallet", method="wallets")
CHARGE = ProviderCharge(livemode=True, cause="sweep")


def charged(minor: int = 7) -> PaymentResult:
    return charged_result(WALLET, "tx1", Money(minor, "KES"), CHARGE, occurred_at=CLOCK.now())


def test_everything_that_names_it_follows_from_the_reference() -> None:
    told = charged()
    assert told.payment_id == charged_id("wallet", "tx1")
    assert told.payment_id == UUID(
        "81ca2ca4-36b5-57b2-a4a4-def3d070c625"
    )  # a change would post a charge twice
    assert told.payment_id != received_id("wallet", "tx1")
    assert (told.result_id, told.attempt_id, told.seq) == (
        f"{told.payment_id}.1", told.payment_id, 1,
    )  # fmt: skip
    assert (told.kind, told.method, told.rail) == ("charged", "wallets", "wallet")
    assert (told.provider_fee, told.amount) == (Money(7, "KES"), None)
    assert (told.provider_reference, told.charged) == ("tx1", CHARGE)
    assert told.occurred_at == CLOCK.now()


@pytest.mark.parametrize(
    "change",
    [
        {"payment_id": str(UUID(int=1))},
        {"provider_reference": "tx2"},
        {"provider_reference": None},
        {"rail": "other"},
        {"provider_fee": None},
        {"provider_fee": {"minor": "0", "currency": "KES"}},
        {"provider_fee": {"minor": "-1", "currency": "KES"}},
        {"charged": None},
    ],
)
def test_what_is_not_whole_is_refused(change: dict[str, Any]) -> None:
    body = json.loads(charged().model_dump_json(exclude_none=True))
    assert PaymentResult.model_validate(body) == charged()
    with pytest.raises(ValidationError, match="a charged fee"):
        PaymentResult.model_validate({**body, **change})


def test_the_smallest_charge_is_one_minor_unit() -> None:
    assert charged(1).provider_fee == Money(1, "KES")


def test_a_cause_is_a_short_word() -> None:
    for cause in ("a", "a" * 40):
        assert ProviderCharge(livemode=True, cause=cause).cause == cause
    for cause in ("", "a" * 41):
        with pytest.raises(ValidationError):
            ProviderCharge(livemode=True, cause=cause)


def test_a_later_release_may_say_more_and_nobody_changes_it() -> None:
    read = ProviderCharge.model_validate({"livemode": True, "cause": "sweep", "more": 1})
    assert read == CHARGE
    assert not hasattr(read, "more")
    with pytest.raises(ValidationError, match="frozen"):
        read.cause = "other"  # type: ignore[misc]


def test_its_fields_are_described() -> None:
    assert (
        "kind of work" in ProviderCharge.model_json_schema()["properties"]["cause"]["description"]
    )
