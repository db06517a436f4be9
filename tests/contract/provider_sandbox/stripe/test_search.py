"""Search: Stripe's query language over charges, customers and PaymentIntents."""

from typing import Any

import pytest
import stripe

from provider_sandbox.stripe.errors import StripeError
from provider_sandbox.stripe.search import parse
from tests.support.stripe_twin import CARD_ONLY, StripeTwin

CHARGE: dict[str, Any] = {
    "object": "charge",
    "amount": 2000,
    "billing_details": {"address": {"postal_code": None}},
    "created": 1_790_000_000,
    "currency": "usd",
    "customer": "cus_1",
    "disputed": False,
    "metadata": {"order": "A-1", "it's": 'a "quoted" one'},
    "payment_method_details": {
        "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    },
    "refunded": True,
    "status": "succeeded",
}
CUSTOMER: dict[str, Any] = {
    "object": "customer",
    "created": 1_790_000_000,
    "email": "Amy@Rocketrides.example",
    "metadata": {},
    "name": None,
    "phone": None,
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('status:"succeeded"', True),
        ("status:'failed'", False),
        ('-status:"failed"', True),
        ('-status:"succeeded"', False),
        ('currency:"USD"', True),
        ("amount=2000", True),
        ("amount:2000", True),
        ("amount>1999 AND amount<2001", True),
        ("amount>2000", False),
        ("amount>=2000 amount<=2000", True),
        ("amount<2000 OR status:'succeeded'", True),
        ("amount<2000 or status:'failed'", False),
        ("created>1789999999", True),
        ("disputed:'false' AND refunded:'true'", True),
        ("payment_method_details.card.last4:'4242'", True),
        ("payment_method_details.card.last4:4243", False),
        ("payment_method_details.card.exp_year:2030", True),
        ("metadata['order']:'a-1'", True),
        ("metadata['order']:'A'", False),
        ('metadata["it\'s"]:"a \\"quoted\\" one"', True),
        ("metadata['other']:null", True),
        ("-metadata['order']:null", True),
        ("billing_details.address.postal_code:null", True),
        ("  status : 'succeeded'  ", True),
    ],
)
def test_charges_are_found(query: str, found: bool) -> None:
    assert parse("charge", query)(CHARGE) is found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('email:"amy@rocketrides.example"', True),
        ('email~"rocket"', True),
        ('email~"ROCKET"', True),
        ('-email~"rocket"', False),
        ('email~"train"', False),
        ("name:null", True),
        ('name~"amy"', False),
    ],
)
def test_customers_are_found(query: str, found: bool) -> None:
    assert parse("customer", query)(CUSTOMER) is found


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status",
        "status:",
        "status:succeeded",
        'status:"succeeded',
        'status:"succeeded"amount=1',
        'status:"succeeded" AND',
        'status:"a" AND status:"b" OR status:"c"',
        'colour:"red"',
        'email:"a@b.example"',
        'status~"succ"',
        'status>"a"',
        "amount~200",
        'amount>"much"',
        "amount>null",
        "metadata['a']~'abc'",
        " AND ".join(["amount>1"] * 11),
        "amount>1" + "0" * 18,
    ],
)
def test_what_is_not_in_the_language_is_refused(query: str) -> None:
    with pytest.raises(StripeError) as refused:
        parse("charge", query)
    assert (refused.value.status, refused.value.fields["param"]) == (400, "query")


def test_a_short_part_of_a_word_is_refused() -> None:
    with pytest.raises(StripeError):
        parse("customer", 'email~"am"')


async def test_a_new_charge_comes_late(twin: StripeTwin) -> None:
    customer = await twin.v1.customers.create_async({"metadata": {"number": "7"}})
    paid = await twin.pay(customer=customer.id, metadata={"order": "A-1"})
    query = {"query": f"customer:'{customer.id}' AND metadata['order']:'A-1'"}
    assert (await twin.v1.charges.search_async(query)).data == []
    await twin.advance(60)
    found = await twin.v1.charges.search_async(query)
    assert [row.id for row in found.data] == [paid.latest_charge]
    found = await twin.v1.customers.search_async({"query": "metadata['number']:'7'"})
    assert [row.id for row in found.data] == [customer.id]


async def test_a_deleted_customer_is_not_found(twin: StripeTwin) -> None:
    customer = await twin.v1.customers.create_async({"name": "Jane Roe"})
    await twin.advance(60)
    query = {"query": "name~'jane'"}
    assert len((await twin.v1.customers.search_async(query)).data) == 1
    await twin.v1.customers.delete_async(customer.id)
    assert (await twin.v1.customers.search_async(query)).data == []


async def test_results_come_in_pages(twin: StripeTwin) -> None:
    made = [
        (
            await twin.v1.payment_intents.create_async(
                {"amount": 2000 + n, "currency": "usd", **CARD_ONLY}
            )
        ).id
        for n in range(5)
    ]
    await twin.advance(60)
    first = await twin.v1.payment_intents.search_async({"query": "amount>=2000", "limit": 2})
    assert ([row.id for row in first.data], first.has_more) == (made[:2:-1], True)
    walked = [row.id async for row in first.auto_paging_iter()]
    assert walked == made[::-1]
    for more in ({"page": "page_x"}, {"page": "3"}, {"limit": 0}):
        with pytest.raises(stripe.InvalidRequestError):
            await twin.v1.payment_intents.search_async({"query": "amount>1", **more})
