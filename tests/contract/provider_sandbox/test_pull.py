"""Pull Transactions: registered once, every paid push in a row, in Daraja's odd shapes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provider_sandbox.clock import NAIROBI
from tests.contract.provider_sandbox.world import PHONE, SHORT_CODE, OpenWorld, World

REGISTER, QUERY = "/pulltransactions/v1/register", "/pulltransactions/v1/query"


async def register(world: World, **over: Any) -> Any:
    body = {
        "ShortCode": SHORT_CODE,
        "RequestType": "Pull",
        "NominatedNumber": PHONE,
        "CallBackURL": "http://127.0.0.1:9/hooks/pulled",
        **over,
    }
    return await world.call(REGISTER, body)


def moment(at: datetime) -> str:
    return at.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")


async def query(world: World, **over: Any) -> Any:
    now = datetime.now(UTC)
    body = {
        "ShortCode": SHORT_CODE,
        "StartDate": moment(now - timedelta(days=1)),
        "EndDate": moment(now + timedelta(days=1)),
        "OffSetValue": "0",
        **over,
    }
    return await world.call(QUERY, body)


async def paid(world: World, *references: str) -> None:
    for number, reference in enumerate(references):
        await world.pushed(AccountReference=reference, Amount=100 + number)
    await world.advance(30)


class TestRegistration:
    async def test_a_second_one_is_a_success_of_its_own(self, world: World) -> None:
        first, second = (await register(world)).json(), (await register(world)).json()
        assert (first["ResponseStatus"], second["ResponseStatus"]) == ("1000", "1001")
        assert first["ShortCode"] == SHORT_CODE

    async def test_the_key_may_have_a_blank(self, open_world: OpenWorld) -> None:
        async with open_world(pull_blank_keys=True) as world:
            assert (await register(world)).json()["Response Status"] == "1000"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ShortCode", "999999"),
            ("RequestType", "Push"),
            ("NominatedNumber", "0712345678"),
            ("CallBackURL", "http://127.0.0.1:9/mpesa"),
        ],
    )
    async def test_a_wrong_field_is_named(self, field: str, value: str, world: World) -> None:
        answer = await register(world, **{field: value})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
        assert field in answer.json()["errorMessage"]

    async def test_an_app_without_the_product(self, open_world: OpenWorld) -> None:
        async with open_world(pull_available=False) as world:
            for answer in (await register(world), await query(world)):
                assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.001")


class TestQuery:
    async def test_a_row_for_every_paid_push(self, world: World) -> None:
        await register(world)
        await paid(world, "AAA", "BBB")
        await world.pushed(PhoneNumber="254712345032", PartyA="254712345032")
        await world.advance(60)
        answer = (await query(world)).json()
        assert answer["ResponseCode"] == "1000"
        [rows] = answer["Response"]
        assert [(row["billreference"], row["amount"]) for row in rows] == [
            ("AAA", "100.00"),
            ("BBB", "101.00"),
        ]
        receipts = [entry["receipt"] for entry in await world.book()]
        assert [row["transactionId"] for row in rows] == receipts
        assert rows[0]["trxDate"].endswith("Z")

    async def test_nothing_without_a_registration(self, world: World) -> None:
        assert (await query(world)).status_code == 401

    @pytest.mark.parametrize(
        ("shown", "payer"),
        [("number", int(PHONE)), ("masked", "25471****678"), ("hashed", None)],
    )
    async def test_the_payer_is_shown_as_set(
        self, shown: str, payer: object, open_world: OpenWorld
    ) -> None:
        async with open_world(pull_msisdn=shown) as world:
            await register(world)
            await paid(world, "AAA")
            [[row]] = (await query(world)).json()["Response"]
        assert row["msisdn"] == payer or (payer is None and len(row["msisdn"]) == 64)

    async def test_pages_by_rows(self, open_world: OpenWorld) -> None:
        async with open_world(pull_page_rows=2) as world:
            await register(world)
            await paid(world, "AAA", "BBB", "CCC")
            pages = [
                (await query(world, OffSetValue=offset)).json()["Response"][0]
                for offset in ("0", "2", "3")
            ]
        assert [[row["billreference"] for row in page] for page in pages] == [
            ["AAA", "BBB"],
            ["CCC"],
            [],
        ]

    async def test_a_row_comes_late(self, open_world: OpenWorld) -> None:
        async with open_world(pull_delay_s=600) as world:
            await register(world)
            await paid(world, "AAA")
            assert (await query(world)).json()["Response"] == [[]]
            await world.advance(600)
            assert len((await query(world)).json()["Response"][0]) == 1

    async def test_nothing_found_in_both_ways(self, open_world: OpenWorld) -> None:
        async with open_world() as world:
            await register(world)
            answer = (await query(world)).json()
            assert (answer["ResponseCode"], answer["Response"]) == ("1001", [[]])
            await world.control("PATCH", "/settings", {"pull_none": "error_500"})
            refused = await query(world)
        assert refused.status_code == 500
        assert "does not have any available transactions" in refused.json()["errorMessage"]

    async def test_only_the_period_and_only_so_far_back(self, open_world: OpenWorld) -> None:
        async with open_world(pull_reach_s=600) as world:
            await register(world)
            await paid(world, "AAA")
            past = moment(datetime.now(UTC) - timedelta(hours=1))
            assert (await query(world, EndDate=past)).json()["Response"] == [[]]
            await world.advance(700)
            assert (await query(world)).json()["Response"] == [[]]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("StartDate", "yesterday"), ("EndDate", ""), ("OffSetValue", "-1"), ("ShortCode", "1")],
    )
    async def test_a_wrong_field_is_named(self, field: str, value: str, world: World) -> None:
        await register(world)
        answer = await query(world, **{field: value})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
