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
from tests.integration.paypal_worker.payouts_harness import PayoutsHarness, open_harness
from tests.support.commands import IDS, VAULT
from tests.support.paypal import recipient, withdrawal

RETURN_URL = "https://shop.example/saved"
EMAIL = "owner@example.com"


@pytest.fixture
async def harness(database: str, tmp_path: Path) -> AsyncIterator[PayoutsHarness]:
    async with open_harness(database, tmp_path) as opened:
        yield opened


def setup(harness: PayoutsHarness, account: str | None = None) -> RequestSetup:
    """A wish to save an account; without an address its owner must approve."""
    return RequestSetup(
        payment_method_id=IDS.new_id(),
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="paypal",
        accepted_at=harness.clock.now(),
        instrument=recipient(account) if account else None,
        return_url=None if account else RETURN_URL,
    )


def detach(harness: PayoutsHarness, saved: MethodResult) -> RequestDetach:
    """A wish to delete a saved account."""
    return RequestDetach(
        detach_id=IDS.new_id(),
        payment_method_id=saved.payment_method_id,
        merchant_id="m_test",
        livemode=False,
        customer_id="cus_1",
        method="paypal",
        accepted_at=harness.clock.now(),
        instrument=instrument(saved),
    )


def instrument(saved: MethodResult) -> Instrument:
    """The saved account as the gateway names it in a payment."""
    return Instrument(kind="paypal", display="PayPal", sealed=saved.instrument_sealed or "")


def deposit(harness: PayoutsHarness, named: Instrument, **over: Any) -> RequestDeposit:
    """A deposit from a saved account."""
    fields: dict[str, Any] = {
        "payment_id": IDS.new_id(),
        "merchant_id": "m_test",
        "livemode": False,
        "customer_id": "cus_1",
        "method": "paypal",
        "amount": Money(80_00, "USD"),
        "instrument": named,
        "accepted_at": harness.clock.now(),
        "off_session": True,
        **over,
    }
    return RequestDeposit(**fields)


async def page_of(harness: PayoutsHarness, method_id: UUID) -> str:
    """The address of PayPal's page for a setup."""
    told = await harness.reach(method_id, "action_required")
    assert told.next_action["type"] == "redirect_to_url"
    return VAULT.open(told.next_action["url_sealed"], context="next_action").decode()


async def approve(harness: PayoutsHarness, page: str, email: str = EMAIL) -> httpx.Response:
    """Act as the owner on PayPal's page."""
    return await harness.http.post(page, data={"outcome": "approve", "email": email})


async def approved(harness: PayoutsHarness, email: str = EMAIL) -> Any:
    """An account whose owner has approved."""
    request = setup(harness)
    await harness.send(request)
    await approve(harness, await page_of(harness, request.payment_method_id), email)
    return await harness.reach(request.payment_method_id, "saved")


async def consents(harness: PayoutsHarness) -> list[Any]:
    return list(await harness.pool.fetch("select * from paypal.consent"))


class TestAddresses:
    async def test_are_saved_without_paypal_and_paid_to(self, harness: PayoutsHarness) -> None:
        request = setup(harness, EMAIL)
        await harness.send(request)
        saved = await harness.reach(request.payment_method_id, "saved")
        assert saved.public == {"account": "o***@example.com", "approved_at": None}
        assert EMAIL not in json.dumps(saved.model_dump(mode="json"))
        out = withdrawal().model_copy(update={"instrument": instrument(saved)})
        await harness.send(out)
        await harness.reach(out.payment_id, "submitted")
        [item] = (await harness.objects("item")).values()
        assert item["body"]["payout_item"]["receiver"] == EMAIL
        assert await consents(harness) == []

    async def test_are_no_approval(self, harness: PayoutsHarness) -> None:
        request = setup(harness, EMAIL)
        await harness.send(request)
        saved = await harness.reach(request.payment_method_id, "saved")
        payment = deposit(harness, instrument(saved))
        await harness.send(payment)
        told = await harness.reach(payment.payment_id, "declined")
        assert told.failure.code == "instrument_not_approved"

    async def test_are_deleted_without_paypal(self, harness: PayoutsHarness) -> None:
        request = setup(harness, EMAIL)
        await harness.send(request)
        wish = detach(harness, await harness.reach(request.payment_method_id, "saved"))
        await harness.send(wish)
        await harness.reach(wish.payment_method_id, "detached")


class TestApprovals:
    async def test_are_given_on_paypals_page_and_kept_with_the_consent(
        self, harness: PayoutsHarness
    ) -> None:
        request = setup(harness)
        await harness.send(request)
        page = await page_of(harness, request.payment_method_id)
        assert await consents(harness) == []
        left = await approve(harness, page)
        assert left.headers["location"].startswith(RETURN_URL)
        saved = await harness.reach(request.payment_method_id, "saved")
        assert saved.public["account"] == "o***@example.com"
        assert saved.public["approved_at"] is not None
        assert EMAIL not in json.dumps(saved.model_dump(mode="json"))
        [consent] = await consents(harness)
        assert consent["payment_method_id"] == request.payment_method_id
        assert (consent["customer_id"], consent["ended_at"]) == ("cus_1", None)

    async def test_pay_a_deposit_without_the_payer(self, harness: PayoutsHarness) -> None:
        payment = deposit(harness, instrument(await approved(harness)))
        await harness.send(payment)
        told = await harness.reach(payment.payment_id, "settled")
        assert told.amount == Money(80_00, "USD")
        assert await harness.book() == [("capture", "80.00")]

    async def test_one_deposit_when_the_answer_is_lost(self, harness: PayoutsHarness) -> None:
        payment = deposit(harness, instrument(await approved(harness)))
        await harness.fault("paypal.orders.create", "drop_after_effect")
        await harness.send(payment)
        await harness.reach(payment.payment_id, "settled")
        assert await harness.control("GET", "/faults") == {"faults": []}
        assert await harness.book() == [("capture", "80.00")]

    async def test_no_second_deposit_once_paypal_may_have_forgotten_the_key(
        self, harness: PayoutsHarness
    ) -> None:
        payment = deposit(harness, instrument(await approved(harness)))
        await harness.fault("paypal.orders.create", "drop_after_effect", times=100)
        await harness.send(payment)
        await harness.reach(payment.payment_id, "unknown")
        await harness.stop()
        await harness.control("DELETE", "/faults")
        await harness.pass_time(timedelta(hours=7))
        await harness.start()
        await harness.reach(payment.payment_id, "conflicting")
        assert await harness.book() == [("capture", "80.00")]

    async def test_a_refused_deposit(self, harness: PayoutsHarness) -> None:
        payment = deposit(harness, instrument(await approved(harness, "locked@example.com")))
        await harness.send(payment)
        told = await harness.reach(payment.payment_id, "declined")
        assert told.failure.code == "payer_refused"

    async def test_paid_out_to(self, harness: PayoutsHarness) -> None:
        saved = await approved(harness)
        out = withdrawal().model_copy(update={"instrument": instrument(saved)})
        await harness.send(out)
        await harness.reach(out.payment_id, "submitted")
        [item] = (await harness.objects("item")).values()
        assert item["body"]["payout_item"]["recipient_type"] == "PAYPAL_ID"

    async def test_that_are_never_given_expire(self, harness: PayoutsHarness) -> None:
        request = setup(harness)
        await harness.send(request)
        await page_of(harness, request.payment_method_id)
        await harness.pass_time(timedelta(hours=2.6))
        told = await harness.reach(request.payment_method_id, "failed")
        assert told.failure.code == "action_expired"
        assert await consents(harness) == []

    @pytest.mark.parametrize("operation", ["setup-tokens.create", "payment-tokens.create"])
    async def test_are_saved_once_when_an_answer_is_lost(
        self, harness: PayoutsHarness, operation: str
    ) -> None:
        await harness.fault(f"paypal.{operation}", "drop_after_effect")
        await approved(harness)
        assert await harness.control("GET", "/faults") == {"faults": []}
        assert len(await harness.objects("token")) == 1
        assert len(await harness.objects("setup")) == 1

    async def test_a_token_that_paypal_forgot_to_repeat_is_found_by_its_customer(
        self, harness: PayoutsHarness
    ) -> None:
        request = setup(harness)
        await harness.send(request)
        page = await page_of(harness, request.payment_method_id)
        await harness.fault("paypal.payment-tokens.create", "drop_after_effect")
        await harness.stop()
        await approve(harness, page)
        await harness.start()
        await harness.checked(request.payment_method_id, 1)
        await harness.pass_at_paypal(timedelta(hours=4))
        await harness.reach(request.payment_method_id, "saved")
        assert len(await harness.objects("token")) == 1


class TestDeletion:
    async def test_reaches_paypal_and_ends_the_consent(self, harness: PayoutsHarness) -> None:
        wish = detach(harness, await approved(harness))
        await harness.send(wish)
        await harness.reach(wish.payment_method_id, "detached")
        assert await harness.objects("token") == {}
        [consent] = await consents(harness)
        assert consent["ended_at"] is not None

    async def test_again_is_the_same(self, harness: PayoutsHarness) -> None:
        wish = detach(harness, await approved(harness))
        await harness.fault("paypal.payment-tokens.delete", "drop_after_effect")
        await harness.send(wish)
        await harness.reach(wish.payment_method_id, "detached")
        assert await harness.objects("token") == {}

    async def test_by_the_owner_at_paypal_ends_the_saved_account(
        self, harness: PayoutsHarness
    ) -> None:
        saved = await approved(harness)
        [token] = await harness.objects("token")
        headers = await harness.sign_in()
        answer = await harness.http.delete(f"/v3/vault/payment-tokens/{token}", headers=headers)
        assert answer.status_code == 204
        await harness.notice(saved.payment_method_id)
        told = await harness.reach(saved.payment_method_id, "failed")
        assert told.failure.code == "approval_withdrawn"
        [consent] = await consents(harness)
        assert consent["ended_at"] is not None
        payment = deposit(harness, instrument(saved))
        await harness.send(payment)
        await harness.reach(payment.payment_id, "declined")
        assert await harness.book() == []
