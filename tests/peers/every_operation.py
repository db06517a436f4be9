"""Every operation of the Stripe twin, once or more, with answers that have much to show."""

from typing import Any

from tests.peers.both import Both

_PAY = {"amount": "2000", "currency": "usd", "payment_method_types[]": "card"}
_LATER = {"capture_method": "manual", "metadata[a]": "1"}
_CHARGE = "latest_charge.balance_transaction"


async def ask(both: Both) -> None:
    """All of them."""
    customer = await _customer(both)
    await _methods(both, customer)
    charge = await _payment(both, customer)
    await _refunds(both, charge)
    await _reads(both, charge)
    await _setups(both, customer)
    await _disputes(both)
    await both.delete(f"/v1/customers/{customer}")


async def _customer(both: Both) -> str:
    made = await both.post("/v1/customers", name="Jane", **{"metadata[a]": "1"})
    customer = str(made["id"])
    await both.post(f"/v1/customers/{customer}", description="d")
    await both.get(f"/v1/customers/{customer}")
    await both.get("/v1/customers")
    await both.control("POST", "/clock", advance_s=3600)
    assert (await both.get("/v1/customers/search", query="metadata['a']:'1'"))["data"]
    return customer


async def _methods(both: Both, customer: str) -> None:
    card = {"type": "card", "card[token]": "tok_visa"}
    method = (await both.post("/v1/payment_methods", **card))["id"]
    await both.post(f"/v1/payment_methods/{method}/attach", customer=customer)
    await both.post(f"/v1/payment_methods/{method}", **{"metadata[b]": "2"})
    await both.get(f"/v1/payment_methods/{method}", **{"expand[]": "customer"})
    await both.get("/v1/payment_methods", customer=customer, type="card")
    await both.get(f"/v1/customers/{customer}/payment_methods")
    await both.get(f"/v1/customers/{customer}/payment_methods/{method}")
    await both.post(f"/v1/payment_methods/{method}/detach")


async def _payment(both: Both, customer: str) -> str:
    """A payment with 3-D Secure and a later capture, its charge's id; and one canceled."""
    intents = "/v1/payment_intents"
    left = await both.post(intents, customer=customer, **_PAY)
    await both.post(f"{intents}/{left['id']}", description="d")
    await both.post(f"{intents}/{left['id']}/cancel", cancellation_reason="abandoned")
    made = await both.post(intents, customer=customer, **_PAY, **_LATER)
    token = "pm_card_threeDSecure2Required"
    back = "https://shop.example/back"
    one = f"{intents}/{made['id']}"
    await both.post(f"{one}/confirm", payment_method=token, return_url=back)
    await both.control("POST", f"/stripe/challenges/{made['id']}", outcome="approve")
    await both.post(f"{one}/capture", **{"expand[]": "latest_charge"})
    return str((await both.get(one, **{"expand[]": _CHARGE}))["latest_charge"]["id"])


async def _refunds(both: Both, charge: str) -> None:
    made = await both.post("/v1/refunds", charge=charge, amount="500")
    one = f"/v1/refunds/{made['id']}"
    await both.get(one, **{"expand[]": "balance_transaction"})
    await both.post(one, **{"metadata[b]": "2"})
    await both.get("/v1/refunds")
    await both.get(f"/v1/charges/{charge}", **{"expand[]": "refunds"})
    await both.control("PUT", "/stripe/cards/pm_card_asks", refund="requires_action")
    paid = await _pay(both, "pm_card_asks")
    made = await both.post("/v1/refunds", payment_intent=paid["id"])
    await both.post(f"/v1/refunds/{made['id']}/cancel")


async def _pay(both: Both, token: str) -> Any:
    """Paid at once; stripe-mock takes it for a payment as well."""
    form = {**_PAY, "confirm": "true", "payment_method": token}
    return await both.post("/v1/payment_intents", **form)


async def _reads(both: Both, charge: str) -> None:
    await both.control("POST", "/clock", advance_s=3600)
    await both.post(f"/v1/charges/{charge}", **{"metadata[b]": "2"})
    await both.get("/v1/charges")
    for kind in ("charges", "payment_intents"):
        found = await both.get(f"/v1/{kind}/search", query="status:'succeeded' AND amount=2000")
        assert found["data"]
    await both.get("/v1/payment_intents", **{"expand[]": "data.latest_charge"})
    await both.get("/v1/balance")
    listed = await both.get("/v1/balance_transactions")
    await both.get(f"/v1/balance_transactions/{listed['data'][0]['id']}")
    listed = await both.get("/v1/events")
    await both.get(f"/v1/events/{listed['data'][0]['id']}")


async def _setups(both: Both, customer: str) -> None:
    setups = "/v1/setup_intents"
    left = await both.post(setups, **{"payment_method_types[]": "card"})
    await both.post(f"{setups}/{left['id']}", **{"metadata[b]": "2"})
    await both.post(f"{setups}/{left['id']}/cancel")
    made = await both.post(setups, customer=customer, **{"payment_method_types[]": "card"})
    one = f"{setups}/{made['id']}"
    await both.post(f"{one}/confirm", payment_method="pm_card_visa")
    await both.get(one, **{"expand[]": ["latest_attempt", "payment_method"]})
    await both.get(setups)


async def _disputes(both: Both) -> None:
    paid = await _pay(both, "pm_card_visa")
    opened = await both.control(
        "POST", f"/stripe/charges/{paid['id']}/disputes", reason="fraudulent"
    )
    await both.get("/v1/disputes")
    one = f"/v1/disputes/{opened['id']}"
    await both.get(one, **{"expand[]": "charge"})
    await both.post(one, submit="false", **{"evidence[uncategorized_text]": "t"})
    await both.post(f"{one}/close")
