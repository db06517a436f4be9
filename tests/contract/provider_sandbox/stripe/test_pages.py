"""The pages for people: the card form, and the bank's 3-D Secure page."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.support.stripe_twin import CARD_ONLY, PUBLISHABLE_KEY, StripeTwin


def told(page: str) -> dict[str, Any]:
    """What the form's script is given."""
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def policy(answer: httpx.Response) -> dict[str, str]:
    rules = (rule.strip().partition(" ") for rule in
             answer.headers["content-security-policy"].split(";"))  # fmt: skip
    return {name: words for name, _, words in rules}


async def typed(twin: StripeTwin, form: dict[str, Any], number: str) -> httpx.Response:
    """What the form's script does with a card."""
    body = {
        "key": form["key"],
        "client_secret": form["secret"],
        "return_url": form["returnUrl"],
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2034",
        "payment_method_data[card][cvc]": "123",
    }
    return await twin.http.post(form["confirm"], data=body)


async def open_form(twin: StripeTwin, secret: str, **more: str) -> httpx.Response:
    return await twin.http.get("/sandbox/card-form", params={"client_secret": secret, **more})


class TestCardForm:
    @pytest.mark.parametrize("kind", ["payment_intent", "setup_intent"])
    async def test_confirms_as_the_paying_client(self, twin: StripeTwin, kind: str) -> None:
        service = getattr(twin.v1, f"{kind}s")
        amount = {"amount": 2000, "currency": "usd"} if kind == "payment_intent" else {}
        intent = await service.create_async({**amount, **CARD_ONLY})
        page = await open_form(twin, intent.client_secret, return_url="https://shop.example/x")
        form = told(page.text)
        assert (form["key"], form["object"]) == (PUBLISHABLE_KEY, kind)
        done = await typed(twin, form, "4242 4242 4242 4242")
        assert done.json().get("status") == "succeeded", done.text
        assert (await service.retrieve_async(intent.id)).status == "succeeded"

    async def test_tells_a_decline(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async(
            {"amount": 2000, "currency": "usd", **CARD_ONLY}
        )
        form = told(
            (await open_form(twin, intent.client_secret, return_url="https://x.example")).text
        )
        refused = (await typed(twin, form, "4000 0000 0000 9995")).json()["error"]
        assert refused["decline_code"] == "insufficient_funds"
        assert "metadata" not in refused["payment_intent"]

    async def test_is_shown_to_the_holder_of_the_secret_only(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
        assert (await open_form(twin, f"{intent.id}_secret_x")).status_code == 404
        assert (await open_form(twin, "")).status_code == 404

    async def test_leads_to_web_addresses_only(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
        page = await open_form(twin, intent.client_secret, return_url="javascript:alert(1)")
        assert page.status_code == 404

    async def test_runs_no_foreign_script_and_leads_nowhere_else(self, twin: StripeTwin) -> None:
        intent = await twin.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
        page = await open_form(
            twin, intent.client_secret, return_url="https://x.example/</script><script>alert(1)"
        )
        rules = policy(page)
        assert (rules["default-src"], rules["connect-src"]) == ("'none'", "'self'")
        assert rules["script-src"].startswith("'nonce-")
        assert "unsafe" not in page.headers["content-security-policy"]
        assert "<script>alert" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert (
            rules["script-src"] != policy(await open_form(twin, intent.client_secret))["script-src"]
        )


class TestChallengePage:
    async def begin(self, twin: StripeTwin, **more: Any) -> tuple[Any, str]:
        intent = await twin.pay("pm_card_authenticationRequired", **more)
        action = intent.next_action
        url = (
            action.redirect_to_url.url
            if action.type == "redirect_to_url"
            else action.use_stripe_sdk["stripe_js"]
        )
        assert url.startswith("http://127.0.0.1:8090/sandbox/3ds/")
        return intent, url.removeprefix("http://127.0.0.1:8090")

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [
            ("approve", "succeeded"),
            ("fail", "requires_payment_method"),
            ("close", "requires_action"),
        ],
    )
    async def test_a_person_decides_and_returns(
        self, twin: StripeTwin, outcome: str, status: str
    ) -> None:
        back = "https://shop.example/back?order=7"
        intent, path = await self.begin(twin, return_url=back)
        page = await twin.http.get(path)
        assert "<strong>20.00 USD</strong>" in page.text
        assert policy(page)["form-action"] == "'self' https://shop.example"
        answer = await twin.http.post(path, data={"outcome": outcome})
        target = httpx.URL(answer.headers["location"])
        assert (answer.status_code, target.host) == (303, "shop.example")
        assert dict(target.params) == {
            "order": "7",
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "source_type": "card",
        }
        after = await twin.v1.payment_intents.retrieve_async(intent.id)
        assert after.status == status

    @pytest.mark.parametrize(
        ("amount", "currency", "shown"),
        [
            (3000, "usd", "30.00 USD"),
            (500, "jpy", "500 JPY"),
            (5010, "kwd", "5.010 KWD"),
            (200_000, "ugx", "2000 UGX"),
            (100_000, "kes", "1000.00 KES"),
        ],
    )
    async def test_shows_the_amount_with_the_currencys_decimals(
        self, twin: StripeTwin, amount: int, currency: str, shown: str
    ) -> None:
        _, path = await self.begin(twin, amount=amount, currency=currency)
        assert f"<strong>{shown}</strong>" in (await twin.http.get(path)).text

    async def test_a_return_address_cannot_change_the_policy(self, twin: StripeTwin) -> None:
        _, path = await self.begin(twin, return_url="https://x.example;script-src */back")
        page = await twin.http.get(path)
        assert policy(page)["form-action"] == "'self' https://x.example"
        assert policy(page)["script-src"].startswith("'nonce-")

    async def test_is_over_after_its_answer(self, twin: StripeTwin) -> None:
        _, path = await self.begin(twin)
        await twin.http.post(path, data={"outcome": "approve"})
        assert (await twin.http.get(path)).status_code == 404
        assert (await twin.http.post(path, data={"outcome": "approve"})).status_code == 404
        assert await twin.book() == [("charge", 2000)]

    async def test_a_guessed_address_opens_nothing(self, twin: StripeTwin) -> None:
        intent, _ = await self.begin(twin)
        for source in ("None", "src_x", "-"):
            path = f"/sandbox/3ds/{intent.id}/{source}"
            assert (await twin.http.post(path, data={"outcome": "approve"})).status_code == 404
        assert await twin.book() == []
