"""A payment by MTN MoMo moves money once, as MTN's status says, in either country."""

import pytest

from cift_shared.messaging.outcomes import FailureCategory
from cift_shared.money.amount import Money
from tests.integration.momo_worker.harness import MomoHarness
from tests.support import momo


async def test_a_deposit_is_settled_with_its_receipt(harness: MomoHarness) -> None:
    command = momo.deposit(harness.country)
    await harness.send(command)
    settled = await harness.reach(command.payment_id, "settled")
    assert settled.amount == Money(20_000, harness.country.currency)
    assert settled.provider_reference is not None
    assert settled.provider_reference.isdigit()
    assert await harness.kinds(command.payment_id) == ["action_required", "settled"]
    assert await harness.moved(command.payment_id) == [("collection", "20000")]


async def test_a_payout_reaches_the_wallet_and_a_refund_the_payer(harness: MomoHarness) -> None:
    out, paid = momo.withdrawal(harness.country), momo.deposit(harness.country)
    await harness.send(out, paid)
    await harness.reach(out.payment_id, "settled")
    await harness.reach(paid.payment_id, "settled")
    back, rest = momo.refund(paid, units=5_000), momo.refund(paid, units=15_000)
    await harness.send(back)
    await harness.reach(back.payment_id, "settled")
    await harness.send(rest)
    await harness.reach(rest.payment_id, "settled")
    assert await harness.moved(out.payment_id) == [("transfer", "20000")]
    assert await harness.moved(back.payment_id) == [("refund", "5000")]
    assert await harness.moved(rest.payment_id) == [("refund", "15000")]


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [
        ("450", "declined", "payment_failed"),
        ("451", "declined", "canceled_by_payer"),
        ("452", "expired", "prompt_expired"),
        ("453", "expired", "prompt_expired"),
        ("455", "declined", "payer_not_registered"),
        ("456", "declined", "recipient_not_allowed"),
        ("457", "declined", "provider_setup_wrong"),
        ("460", "declined", "provider_setup_wrong"),
        ("462", "declined", "payment_failed"),
        ("463", "expired", "prompt_expired"),
        ("001", "declined", "payer_balance_insufficient"),
        ("206", "declined", "payment_failed"),  # a reason of tomorrow: the status decides
    ],
)
async def test_a_deposit_that_fails(uganda: MomoHarness, ending: str, kind: str, code: str) -> None:
    command = momo.deposit(ending=ending)
    await uganda.send(command)
    ended = await uganda.reach(command.payment_id, kind)
    assert ended.failure is not None
    assert ended.failure.code == code
    assert await uganda.moved(command.payment_id) == []


@pytest.mark.parametrize(
    ("ending", "code", "category"),
    [
        ("455", "provider_float_insufficient", FailureCategory.CONFIGURATION),
        ("204", "payment_failed", FailureCategory.PROVIDER_UNAVAILABLE),
        ("205", "recipient_limit", FailureCategory.LIMIT),
        ("458", "provider_setup_wrong", FailureCategory.CONFIGURATION),
    ],
)
async def test_a_payout_that_fails(
    uganda: MomoHarness, ending: str, code: str, category: FailureCategory
) -> None:
    command = momo.withdrawal(ending=ending)
    await uganda.send(command)
    ended = await uganda.reach(command.payment_id, "declined")
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.category) == (code, category)
    assert await uganda.moved(command.payment_id) == []


async def test_a_number_without_a_wallet_gets_nothing_sent(uganda: MomoHarness) -> None:
    command = momo.withdrawal(ending="457")
    await uganda.send(command)
    ended = await uganda.reach(command.payment_id, "declined")
    assert ended.failure is not None
    assert ended.failure.code == "recipient_not_registered"
    assert await uganda.sent(command.payment_id) is None
    assert "momo.transfer" not in await uganda.control("GET", "/requests")


@pytest.mark.parametrize("ending", ["454", "099"])
async def test_what_stays_open_stays_open(uganda: MomoHarness, ending: str) -> None:
    command = momo.deposit(ending=ending)
    await uganda.send(command)
    await uganda.reach(command.payment_id, "action_required")
    await uganda.rest(command.payment_id, 4)
    assert await uganda.kinds(command.payment_id) == ["action_required"]


async def test_money_of_another_country_is_never_asked_for(uganda: MomoHarness) -> None:
    wrong = momo.deposit(momo.COUNTRIES["RW"]).model_copy(update={"rail": "momo_ug"})
    await uganda.send(wrong)
    ended = await uganda.reach(wrong.payment_id, "declined")
    assert ended.failure is not None
    assert ended.failure.code == "provider_setup_wrong"
    assert await uganda.control("GET", "/requests") == {}
