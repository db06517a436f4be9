"""Pull Transactions: registered once, every paid push in a row, in Daraja's odd shapes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provider_sandbox.clock import NAIROBI
from tests.support.daraja_twin import PHONE, SHORT_CODE, DarajaTwin, OpenTwin

REGISTER, QUERY = "/pulltransactions/v1/register", "/pulltransactions/v1/query"


async def register(twin: DarajaTwin, **over: Any) -> Any:
    body = {
        "ShortCode": SHORT_CODE,
        "RequestType": "Pull",
        "NominatedNumber": PHONE,
        "CallBackURL": "http://127.0.0.1:9/hooks/pulled",
        **over,
    }
    return await twin.call(REGISTER, body)


def moment(at: datetime) -> str:
    return at.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S")


async def query(twin: DarajaTwin, **over: Any) -> Any:
    now = datetime.now(UTC)
    body = {
        "ShortCode": SHORT_CODE,
        "StartDate": moment(now - timedelta(days=1)),
        "EndDate": moment(now + timedelta(days=1)),
        "OffSetValue": "0",
        **over,
    }
    return await twin.call(QUERY, body)


async def paid(twin: DarajaTwin, *references: str) -> None:
    for number, reference in enumerate(references):
        await twin.pushed(AccountReference=reference, Amount=100 + number)
    await twin.advance(30)


class TestRegistration:
    async def test_a_second_one_is_a_success_of_its_own(self, twin: DarajaTwin) -> None:
        first, second = (await register(twin)).json(), (await register(twin)).json()
        assert (first["ResponseStatus"], second["ResponseStatus"]) == ("1000", "1001")
        assert first["ShortCode"] == SHORT_CODE

    async def test_the_key_may_have_a_blank(self, open_twin: OpenTwin) -> None:
        async with open_twin(pull_blank_keys=True) as twin:
            assert (await register(twin)).json()["Response Status"] == "1000"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ShortCode", "999999"),
            ("RequestType", "Push"),
            ("NominatedNumber", "0712345678"),
            ("CallBackURL", "http://127.0.0.1:9/mpesa"),
        ],
    )
    async def test_a_wrong_field_is_named(self, field: str, value: str, twin: DarajaTwin) -> None:
        answer = await register(twin, **{field: value})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
        assert field in answer.json()["errorMessage"]

    async def test_an_app_without_the_product(self, open_twin: OpenTwin) -> None:
        async with open_twin(pull_available=False) as twin:
            for answer in (await register(twin), await query(twin)):
                assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.001")


class TestQuery:
    async def test_a_row_for_every_paid_push(self, twin: DarajaTwin) -> None:
        await register(twin)
        await paid(twin, "AAA", "BBB")
        await twin.pushed(PhoneNumber="254712345032", PartyA="254712345032")
        await twin.advance(60)
        answer = (await query(twin)).json()
        assert answer["ResponseCode"] == "1000"
        [rows] = answer["Response"]
        assert [(row["billreference"], row["amount"]) for row in rows] == [
            ("AAA", "100.00"),
            ("BBB", "101.00"),
        ]
        receipts = [entry["receipt"] for entry in await twin.book()]
        assert [row["transactionId"] for row in rows] == receipts
        assert rows[0]["trxDate"].endswith("Z")

    async def test_nothing_without_a_registration(self, twin: DarajaTwin) -> None:
        assert (await query(twin)).status_code == 401

    @pytest.mark.parametrize(
        ("shown", "payer"),
        [("number", int(PHONE)), ("masked", "25471****678"), ("hashed", None)],
    )
    async def test_the_payer_is_shown_as_set(
        self, shown: str, payer: object, open_twin: OpenTwin
    ) -> None:
        async with open_twin(pull_msisdn=shown) as twin:
            await register(twin)
            await paid(twin, "AAA")
            [[row]] = (await query(twin)).json()["Response"]
        assert row["msisdn"] == payer or (payer is None and len(row["msisdn"]) == 64)

    async def test_pages_by_rows(self, open_twin: OpenTwin) -> None:
        async with open_twin(pull_page_rows=2) as twin:
            await register(twin)
            await paid(twin, "AAA", "BBB", "CCC")
            pages = [
                (await query(twin, OffSetValue=offset)).json()["Response"][0]
                for offset in ("0", "2", "3")
            ]
        assert [[row["billreference"] for row in page] for page in pages] == [
            ["AAA", "BBB"],
            ["CCC"],
            [],
        ]

    async def test_a_row_comes_late(self, open_twin: OpenTwin) -> None:
        async with open_twin(pull_delay_s=600) as twin:
            await register(twin)
            await paid(twin, "AAA")
            assert (await query(twin)).json()["Response"] == [[]]
            await twin.advance(600)
            assert len((await query(twin)).json()["Response"][0]) == 1

    async def test_nothing_found_in_both_ways(self, open_twin: OpenTwin) -> None:
        async with open_twin() as twin:
            await register(twin)
            answer = (await query(twin)).json()
            assert (answer["ResponseCode"], answer["Response"]) == ("1001", [[]])
            await twin.control("PATCH", "/settings", {"pull_none": "error_500"})
            refused = await query(twin)
        assert refused.status_code == 500
        assert "does not have any available transactions" in refused.json()["errorMessage"]

    async def test_only_the_period_and_only_so_far_back(self, open_twin: OpenTwin) -> None:
        async with open_twin(pull_reach_s=600) as twin:
            await register(twin)
            await paid(twin, "AAA")
            past = moment(datetime.now(UTC) - timedelta(hours=1))
            assert (await query(twin, EndDate=past)).json()["Response"] == [[]]
            await twin.advance(700)
            assert (await query(twin)).json()["Response"] == [[]]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("StartDate", "yesterday"), ("EndDate", ""), ("OffSetValue", "-1"), ("ShortCode", "1")],
    )
    async def test_a_wrong_field_is_named(self, field: str, value: str, twin: DarajaTwin) -> None:
        await register(twin)
        answer = await query(twin, **{field: value})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
