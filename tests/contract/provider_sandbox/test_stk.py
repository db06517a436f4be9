"""M-Pesa Express: what is refused, what is accepted, what the callback and the query say."""

import re
from typing import Any

import pytest

from tests.support.daraja_twin import (
    PHONE,
    SHORT_CODE,
    STK,
    DarajaTwin,
    OpenTwin,
    password,
    push_body,
)


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("BusinessShortCode", "12"),
            ("Timestamp", "20261399999999"),
            ("TransactionType", "Pay"),
            ("Amount", 0),
            ("Amount", 250_001),
            ("Amount", "10.50"),
            ("Amount", 10.5),
            ("Amount", True),
            ("PartyA", "0712345678"),
            ("PhoneNumber", "254212345678"),
            ("PartyB", "abc"),
            ("CallBackURL", "not an address"),
            ("CallBackURL", "http://127.0.0.1/mpesa/x"),
            ("CallBackURL", "http://127.0.0.1/SQL"),
            ("CallBackURL", "http://abc.ngrok.io/x"),
            ("CallBackURL", "http://LOCALHOST/x"),
            ("CallBackURL", "http://127.0.0.1:99999/x"),
            ("AccountReference", ""),
            ("AccountReference", "THIRTEENCHARS"),
            ("AccountReference", "A-1"),
            ("TransactionDesc", "fourteen chars"),
        ],
    )
    async def test_names_the_field(self, twin: DarajaTwin, field: str, value: Any) -> None:
        answer = await twin.push(**{field: value})
        assert answer.status_code == 400
        assert answer.json()["errorCode"] == "400.002.02"
        assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"

    @pytest.mark.parametrize("field", ["Amount", "Password", "CallBackURL", "AccountReference"])
    async def test_names_the_missing_field(self, twin: DarajaTwin, field: str) -> None:
        body = push_body()
        del body[field]
        answer = await twin.call(STK, body)
        assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"

    async def test_wrong_password(self, twin: DarajaTwin) -> None:
        answer = await twin.push(Password=password(passkey="other"))
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
        assert answer.json()["errorMessage"] == "Wrong credentials"

    async def test_unknown_merchant(self, twin: DarajaTwin) -> None:
        answer = await twin.push(BusinessShortCode="123456", PartyB="123456")
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
        assert answer.json()["errorMessage"] == "Merchant does not exist"

    @pytest.mark.parametrize(
        ("content", "media", "code"),
        [
            (b"{", "application/json", "400.002.05"),
            (b"[]", "application/json", "400.002.05"),
            (b"{}", "application/json", "400.003.02"),
            (b"Amount=1", "application/x-www-form-urlencoded", "400.002.02"),
        ],
    )
    async def test_bodies_that_are_none(
        self, twin: DarajaTwin, content: bytes, media: str, code: str
    ) -> None:
        headers = {"Authorization": f"Bearer {twin.token}", "Content-Type": media}
        answer = await twin.http.post(STK, content=content, headers=headers)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, code)

    async def test_wrong_path_and_method(self, twin: DarajaTwin) -> None:
        assert (await twin.call("/mpesa/b2c/v9/x", {})).json()["errorCode"] == "404.001.01"
        answer = await twin.http.get(STK)
        assert (answer.status_code, answer.json()["errorCode"]) == (405, "405.001")

    async def test_words_in_addresses_can_be_allowed(self, open_twin: OpenTwin) -> None:
        async with open_twin(refuse_url_words=False) as twin:
            assert (await twin.push(CallBackURL="http://127.0.0.1/mpesa")).status_code == 200


class TestAcceptance:
    async def test_answers_ids_in_their_real_shapes(self, twin: DarajaTwin) -> None:
        body = (await twin.push(BusinessShortCode=int(SHORT_CODE), Amount="100")).json()
        assert body["ResponseCode"] == "0"
        assert re.fullmatch(r"ws_CO_\d{14}\d712345678", body["CheckoutRequestID"])
        merchant = r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d{7}"
        assert re.fullmatch(merchant, body["MerchantRequestID"])

    async def test_equal_bodies_make_two_payments(self, twin: DarajaTwin) -> None:
        first, second = await twin.pushed(), await twin.pushed()
        await twin.advance(20)
        assert first != second
        assert [entry["amount"] for entry in await twin.book()] == ["100", "100"]
        assert await twin.wallet() == 100_000 - 200

    async def test_more_than_ten_ids_in_a_second_stay_unique(self, twin: DarajaTwin) -> None:
        assert len({await twin.pushed() for _ in range(25)}) == 25

    async def test_an_open_prompt_locks_the_phone_for_a_minute(self, open_twin: OpenTwin) -> None:
        async with open_twin(lock_s=60) as twin:
            await twin.pushed()
            answer = await twin.push(Amount=5)
            assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
            assert answer.json()["errorMessage"].startswith("Unable to lock subscriber")
            assert (await twin.push(PartyA="254712345679")).status_code == 200
            await twin.advance(61)
            assert (await twin.push(Amount=5)).status_code == 200

    async def test_the_same_amount_within_two_minutes_ends_with_17(
        self, open_twin: OpenTwin
    ) -> None:
        async with open_twin(same_amount_s=120) as twin:
            await twin.pushed()
            again, other = await twin.pushed(), await twin.pushed(Amount=101)
            await twin.advance(20)
            assert [await twin.code(again), await twin.code(other)] == ["17", "0"]
            await twin.advance(121)
            later = await twin.pushed()
            await twin.advance(20)
            assert await twin.code(later) == "0"

    @pytest.mark.parametrize(
        ("kind", "party_b", "code"),
        [
            ("CustomerPayBillOnline", "600000", "SFC_IC0003"),
            ("CustomerBuyGoodsOnline", SHORT_CODE, "2028"),
        ],
    )
    async def test_a_wrong_pairing_fails_later(
        self, twin: DarajaTwin, kind: str, party_b: str, code: str
    ) -> None:
        checkout_id = await twin.pushed(TransactionType=kind, PartyB=party_b)
        await twin.advance(10)
        assert await twin.code(checkout_id) == code
        assert await twin.book() == []


class TestCallback:
    async def test_success_carries_metadata_and_the_short_code_header(
        self, twin: DarajaTwin
    ) -> None:
        checkout_id = await twin.pushed(CallBackURL="http://127.0.0.1:9/hooks/abc")
        await twin.advance(18.5)
        [post], [entry] = twin.posts, await twin.book()
        assert post.path == "/hooks/abc"
        assert post.headers["BusinessShortCode"] == SHORT_CODE
        assert post.headers["Content-Type"] == "application/json;charset=UTF-8"
        told = post.body["Body"]["stkCallback"]
        assert (told["CheckoutRequestID"], told["ResultCode"]) == (checkout_id, 0)
        items = {x["Name"]: x.get("Value") for x in told["CallbackMetadata"]["Item"]}
        assert '"Name":"Amount","Value":100.00' in post.raw
        assert {"Name": "Balance"} in told["CallbackMetadata"]["Item"]
        assert items["PhoneNumber"] == int(PHONE)
        assert len(str(items["TransactionDate"])) == 14
        assert re.fullmatch(r"[A-Z0-9]{10}", items["MpesaReceiptNumber"])
        assert items["MpesaReceiptNumber"] == entry["receipt"]

    async def test_balance_item_can_be_left_out(self, open_twin: OpenTwin) -> None:
        async with open_twin(balance_item=False) as twin:
            await twin.pushed()
            await twin.advance(19)
            assert "Balance" not in twin.posts[0].raw

    async def test_failure_carries_no_metadata(self, twin: DarajaTwin) -> None:
        await twin.pushed(PartyA="254712345032")
        await twin.advance(29)
        [told] = twin.stk_posts()
        keys = {"MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc"}
        assert told.keys() == keys
        assert told["ResultCode"] == 1032

    async def test_is_sent_once_even_when_its_receiver_fails(self, twin: DarajaTwin) -> None:
        await twin.pushed(CallBackURL="http://192.0.2.1/hooks/x")
        await twin.advance(3000)
        [entry] = (await twin.control("GET", "/callbacks"))["entries"]
        assert (entry["state"], entry["attempts"]) == ("failed", 1)
        assert entry["error"] == "refused: not a loopback address"
        assert twin.posts == []


class TestQuery:
    async def test_in_flight_then_final_without_receipt_amount_or_phone(
        self, twin: DarajaTwin
    ) -> None:
        checkout_id = await twin.pushed()
        await twin.advance(16)
        assert (await twin.query(checkout_id)).json()["ResultCode"] == "4999"
        await twin.advance(1)
        body = (await twin.query(checkout_id)).json()
        assert body["ResultCode"] == "0"
        assert body.keys() == {
            "ResponseCode",
            "ResponseDescription",
            "MerchantRequestID",
            "CheckoutRequestID",
            "ResultCode",
            "ResultDesc",
        }

    async def test_words_1037_otherwise_than_the_callback(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA="254712345037")
        await twin.advance(27)
        query, [told] = (await twin.query(checkout_id)).json(), twin.stk_posts()
        assert (query["ResultCode"], told["ResultCode"]) == ("1037", 1037)
        assert query["ResultDesc"] != told["ResultDesc"]

    @pytest.mark.parametrize(("shape", "status"), [("error_500", 500), ("error_200_empty", 200)])
    async def test_other_in_flight_shapes(
        self, open_twin: OpenTwin, shape: str, status: int
    ) -> None:
        async with open_twin(in_flight_shape=shape) as twin:
            answer = await twin.query(await twin.pushed())
            assert (answer.status_code, answer.json()["errorCode"]) == (status, "500.001.1001")

    async def test_noise_hits_a_share_of_the_queries_in_flight(self, open_twin: OpenTwin) -> None:
        async with open_twin(query_noise=0.2) as twin:
            checkout_id = await twin.pushed()
            answers = [(await twin.query(checkout_id)).status_code for _ in range(100)]
            assert 5 < answers.count(500) < 40
            assert answers.count(200) + answers.count(500) == 100

    async def test_unknown_id_and_wrong_password(self, twin: DarajaTwin) -> None:
        answer = await twin.query("ws_CO_unknown")
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.001.1001")
