"""Saved PayPal accounts: addresses, approvals of later deposits, their consents and deletion."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from cift_shared.messaging.instruments import Instrument
from cift_shared.messaging.messages import MethodResult, RequestDeposit, RequestDetach, RequestSetup
from cift_shared.money.amount import Money
from tests.support.commands import IDS, VAULT
from tests.support.paypal_payouts import PayoutWorld, open_world, recipient, withdrawal

RETURN_URL = "https://shop.example/saved"
EMAIL = "owner@example.com"


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[PayoutWorld]:
    async with open_world(database, tmp_path) as opened:
        yield opened


def setup(world: PayoutWorld, account: str | None = None) -> RequestSetup:
    """A wish to save an account; without an address its owner must approve."""
    return RequestSetup(
        payment_method_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="paypal",
        accepted_at=world.clock.now(),
        instrument=recipient(account) if account else None,
        return_url=None if account else RETURN_URL,
    )


def detach(world: PayoutWorld, saved: MethodResult) -> RequestDetach:
    """A wish to delete a saved account."""
    return RequestDetach(
        detach_id=IDS.new_id(),
        payment_method_id=saved.payment_method_id,
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="paypal",
        accepted_at=world.clock.now(),
        instrument=instrument(saved),
    )


def instrument(saved: MethodResult) -> Instrument:
    """The saved account as the gateway names it in a payment."""
    return Instrument(kind="paypal", display="PayPal", sealed=saved.instrument_sealed or "")


def deposit(world: PayoutWorld, named: Instrument, **over: Any) -> RequestDeposit:
    """A deposit from a saved account."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "paypal",
        "amount": Money(80_00, "USD"),
        "instrument": named,
        "accepted_at": world.clock.now(),
        "off_session": True,
        **over,
    }
    return RequestDeposit(**fields)


async def page_of(world: PayoutWorld, method_id: UUID) -> str:
    """The address of PayPal's page for a setup."""
    told = await world.reach(method_id, "action_required")
    assert told.next_action["type"] == "redirect_to_url"
    address = VAULT.open(told.next_action["url_sealed"], context="next_action").decode()
    return address.replace("http://twin", world.base)


async def approve(world: PayoutWorld, page: str, email: str = EMAIL) -> httpx.Response:
    """Act as the owner on PayPal's page."""
    return await world.http.post(page, data={"outcome": "approve", "email": email})


async def approved(world: PayoutWorld, email: str = EMAIL) -> Any:
    """An account whose owner has approved."""
    request = setup(world)
    await world.send(request)
    await approve(world, await page_of(world, request.payment_method_id), email)
    return await world.reach(request.payment_method_id, "saved")


async def consents(world: PayoutWorld) -> list[Any]:
    return list(await world.pool.fetch("select * from paypal.consent"))


class TestAddresses:
    async def test_are_saved_without_paypal_and_paid_to(self, world: PayoutWorld) -> None:
        request = setup(world, EMAIL)
        await world.send(request)
        saved = await world.reach(request.payment_method_id, "saved")
        assert saved.public == {"account": "o***@example.com", "approved_at": None}
        assert EMAIL not in json.dumps(saved.model_dump(mode="json"))
        out = withdrawal().model_copy(update={"instrument": instrument(saved)})
        await world.send(out)
        await world.reach(out.payment_id, "submitted")
        [item] = (await world.objects("item")).values()
        assert item["body"]["payout_item"]["receiver"] == EMAIL
        assert await consents(world) == []

    async def test_are_no_approval(self, world: PayoutWorld) -> None:
        request = setup(world, EMAIL)
        await world.send(request)
        saved = await world.reach(request.payment_method_id, "saved")
        payment = deposit(world, instrument(saved))
        await world.send(payment)
        told = await world.reach(payment.payment_id, "declined")
        assert told.failure.code == "instrument_not_approved"

    async def test_are_deleted_without_paypal(self, world: PayoutWorld) -> None:
        request = setup(world, EMAIL)
        await world.send(request)
        wish = detach(world, await world.reach(request.payment_method_id, "saved"))
        await world.send(wish)
        await world.reach(wish.payment_method_id, "detached")


class TestApprovals:
    async def test_are_given_on_paypals_page_and_kept_with_the_consent(
        self, world: PayoutWorld
    ) -> None:
        request = setup(world)
        await world.send(request)
        page = await page_of(world, request.payment_method_id)
        assert await consents(world) == []
        left = await approve(world, page)
        assert left.headers["location"].startswith(RETURN_URL)
        saved = await world.reach(request.payment_method_id, "saved")
        assert saved.public["account"] == "o***@example.com"
        assert saved.public["approved_at"] is not None
        assert EMAIL not in json.dumps(saved.model_dump(mode="json"))
        [consent] = await consents(world)
        assert consent["payment_method_id"] == request.payment_method_id
        assert (consent["customer_id"], consent["ended_at"]) == ("cus_1", None)

    async def test_pay_a_deposit_without_the_payer(self, world: PayoutWorld) -> None:
        payment = deposit(world, instrument(await approved(world)))
        await world.send(payment)
        told = await world.reach(payment.payment_id, "settled")
        assert told.amount == Money(80_00, "USD")
        assert await world.book() == [("capture", "80.00")]

    async def test_one_deposit_when_the_answer_is_lost(self, world: PayoutWorld) -> None:
        payment = deposit(world, instrument(await approved(world)))
        await world.fault("paypal.orders.create", "drop_after_effect")
        await world.send(payment)
        await world.reach(payment.payment_id, "settled")
        assert await world.control("GET", "/faults") == {"faults": []}
        assert await world.book() == [("capture", "80.00")]

    async def test_no_second_deposit_once_paypal_may_have_forgotten_the_key(
        self, world: PayoutWorld
    ) -> None:
        payment = deposit(world, instrument(await approved(world)))
        await world.fault("paypal.orders.create", "drop_after_effect", times=100)
        await world.send(payment)
        await world.reach(payment.payment_id, "unknown")
        await world.stop()
        await world.control("DELETE", "/faults")
        await world.pass_time(timedelta(hours=7))
        await world.start()
        await world.reach(payment.payment_id, "conflicting")
        assert await world.book() == [("capture", "80.00")]

    async def test_a_refused_deposit(self, world: PayoutWorld) -> None:
        payment = deposit(world, instrument(await approved(world, "locked@example.com")))
        await world.send(payment)
        told = await world.reach(payment.payment_id, "declined")
        assert told.failure.code == "payer_refused"

    async def test_paid_out_to(self, world: PayoutWorld) -> None:
        saved = await approved(world)
        out = withdrawal().model_copy(update={"instrument": instrument(saved)})
        await world.send(out)
        await world.reach(out.payment_id, "submitted")
        [item] = (await world.objects("item")).values()
        assert item["body"]["payout_item"]["recipient_type"] == "PAYPAL_ID"

    async def test_that_are_never_given_expire(self, world: PayoutWorld) -> None:
        request = setup(world)
        await world.send(request)
        await page_of(world, request.payment_method_id)
        await world.pass_time(timedelta(hours=2.6))
        told = await world.reach(request.payment_method_id, "failed")
        assert told.failure.code == "action_expired"
        assert await consents(world) == []

    @pytest.mark.parametrize("operation", ["setup-tokens.create", "payment-tokens.create"])
    async def test_are_saved_once_when_an_answer_is_lost(
        self, world: PayoutWorld, operation: str
    ) -> None:
        await world.fault(f"paypal.{operation}", "drop_after_effect")
        await approved(world)
        assert await world.control("GET", "/faults") == {"faults": []}
        assert len(await world.objects("token")) == 1
        assert len(await world.objects("setup")) == 1

    async def test_a_token_that_paypal_forgot_to_repeat_is_found_by_its_customer(
        self, world: PayoutWorld
    ) -> None:
        request = setup(world)
        await world.send(request)
        page = await page_of(world, request.payment_method_id)
        await world.fault("paypal.payment-tokens.create", "drop_after_effect")
        await world.stop()
        await approve(world, page)
        await world.start()
        await world.checked(request.payment_method_id, 1)
        await world.pass_at_paypal(timedelta(hours=4))
        await world.reach(request.payment_method_id, "saved")
        assert len(await world.objects("token")) == 1


class TestDeletion:
    async def test_reaches_paypal_and_ends_the_consent(self, world: PayoutWorld) -> None:
        wish = detach(world, await approved(world))
        await world.send(wish)
        await world.reach(wish.payment_method_id, "detached")
        assert await world.objects("token") == {}
        [consent] = await consents(world)
        assert consent["ended_at"] is not None

    async def test_again_is_the_same(self, world: PayoutWorld) -> None:
        wish = detach(world, await approved(world))
        await world.fault("paypal.payment-tokens.delete", "drop_after_effect")
        await world.send(wish)
        await world.reach(wish.payment_method_id, "detached")
        assert await world.objects("token") == {}

    async def test_by_the_owner_at_paypal_ends_the_saved_account(self, world: PayoutWorld) -> None:
        saved = await approved(world)
        [token] = await world.objects("token")
        headers = await world.sign_in()
        answer = await world.http.delete(f"/v3/vault/payment-tokens/{token}", headers=headers)
        assert answer.status_code == 204
        await world.notice(saved.payment_method_id)
        told = await world.reach(saved.payment_method_id, "failed")
        assert told.failure.code == "approval_withdrawn"
        [consent] = await consents(world)
        assert consent["ended_at"] is not None
        payment = deposit(world, instrument(saved))
        await world.send(payment)
        await world.reach(payment.payment_id, "declined")
        assert await world.book() == []
