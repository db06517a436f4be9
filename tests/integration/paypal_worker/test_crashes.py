"""Deaths and lost answers at every line: no path captures twice or captures another order.

The twin's own book is the judge. It refuses a second capture of an order as PayPal does, so the
number of orders is watched as well.
"""

import pytest

from tests.integration.paypal_worker.harness import PayPalHarness
from tests.support import paypal
from tests.support.deaths import Deaths

pytestmark = pytest.mark.integration

CREATION = ["worker.before_call", "paypal.before_create", "paypal.after_create",
            "worker.after_call", "paypal.before_token_commit"]  # fmt: skip
CAPTURE = ["worker.before_check", "paypal.before_capture", "paypal.after_capture",
           "worker.after_check"]  # fmt: skip
LOST = ["drop_before", "drop_after_effect", "reset_mid_body", "html_502_after_effect",
        "saved_500_after_effect", "html_503", "http_429"]  # fmt: skip


@pytest.mark.parametrize("place", CREATION)
async def test_a_death_around_the_creation_captures_once(
    harness: PayPalHarness, deaths: Deaths, place: str
) -> None:
    deaths.at(place)
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await deaths.have_met(place)
    await harness.restart()
    await harness.approve(command.payment_id)
    await harness.reach(command.payment_id, "settled")
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]
    assert len(await harness.orders(command.payment_id)) == 1


async def test_an_order_whose_key_was_forgotten_is_never_captured(
    harness: PayPalHarness, deaths: Deaths
) -> None:
    """The first order was made, its id was never stored, and PayPal has forgotten our key."""
    await harness.forget_keys()
    deaths.at("paypal.after_create")
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await deaths.have_met("paypal.after_create")
    await harness.restart()
    await harness.reach(command.payment_id, "action_required")
    made = await harness.orders(command.payment_id)
    assert len(made) == 2
    for order in made:
        await harness.control("POST", f"/paypal/orders/{order}", {"outcome": "approve"})
    result = await harness.reach(command.payment_id, "settled")
    await harness.make_due()
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]
    captures = await harness.control("GET", "/paypal/objects/capture")
    assert list(captures) == [result.provider_reference]


@pytest.mark.parametrize("forgotten", [False, True], ids=["same-day", "key-forgotten"])
@pytest.mark.parametrize("place", CAPTURE)
async def test_a_death_around_the_capture_captures_once(
    harness: PayPalHarness, deaths: Deaths, place: str, forgotten: bool
) -> None:
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.reach(command.payment_id, "action_required")
    if forgotten:
        await harness.forget_keys()
    deaths.at(place)
    await harness.approve(command.payment_id)
    await harness.make_due()
    await deaths.have_met(place)
    await harness.restart()
    await harness.reach(command.payment_id, "settled")
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]
    assert (await harness.kinds(command.payment_id)).count("settled") == 1


CASES = [
    *(("orders.create", kind, False) for kind in LOST),
    *(("orders.get", kind, False) for kind in ("drop_before", "html_503", "http_429")),
    *(("orders.capture", kind, False) for kind in LOST),
    *(("orders.capture", kind, True) for kind in LOST),
]


@pytest.mark.parametrize(("operation", "kind", "forgotten"), CASES)
async def test_a_lost_answer_captures_once(
    harness: PayPalHarness, operation: str, kind: str, forgotten: bool
) -> None:
    if forgotten:
        await harness.forget_keys()
    await harness.fault(operation, kind)
    command = paypal.deposit(clock=harness.clock)
    await harness.send(command)
    await harness.approve(command.payment_id)
    await harness.reach(command.payment_id, "settled")
    await harness.make_due()
    assert await harness.moved(command.payment_id) == [("capture", "20.00")]
    assert (await harness.kinds(command.payment_id)).count("settled") == 1
