"""Payouts: the caller's key, the operator's password, the float, and the result's shapes."""

import re
from typing import Any

import pytest

from tests.support.daraja_twin import (
    B2C,
    PHONE,
    DarajaTwin,
    OpenTwin,
    parameters,
    seal,
)


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("OriginatorConversationID", ""),
            ("InitiatorName", None),
            ("SecurityCredential", "not base64!"),
            ("CommandID", "Pay"),
            ("Amount", "10.5"),
            ("PartyA", "x"),
            ("PartyB", "0712345678"),
            ("Remarks", "x"),
            ("ResultURL", "http://127.0.0.1/safaricom"),
            ("QueueTimeOutURL", "ftp://127.0.0.1/x"),
            ("Occassion", "x" * 101),
        ],
    )
    async def test_names_the_field(self, twin: DarajaTwin, field: str, value: Any) -> None:
        answer = await twin.payout(**{field: value})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.002.02")
        assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"

    async def test_a_used_id_earns_500_002_1001_and_pays_once(self, twin: DarajaTwin) -> None:
        assert (await twin.payout()).status_code == 200
        answer = await twin.payout()
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "500.002.1001")
        await twin.advance(10)
        assert len(await twin.book()) == len(twin.posts) == 1
        assert (await twin.payout()).status_code == 500

    async def test_version_1_is_not_there(self, twin: DarajaTwin) -> None:
        answer = await twin.call(B2C.replace("v3", "v1"), twin.payout_body())
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.01")


class TestResult:
    async def test_success(self, twin: DarajaTwin) -> None:
        accepted = (await twin.payout()).json()
        assert accepted["ResponseCode"] == "0"
        assert accepted["OriginatorConversationID"] == "payout-1"
        assert re.fullmatch(r"AG_\d{8}_[0-9a-f]{20}", accepted["ConversationID"])
        await twin.advance(7)
        [result], [entry] = twin.results(), await twin.book()
        assert (result["ResultType"], result["ResultCode"]) == (0, 0)
        assert result["OriginatorConversationID"] == "payout-1"
        assert result["ConversationID"] == accepted["ConversationID"]
        assert result["TransactionID"] == entry["receipt"]
        values = parameters(result)
        assert values["TransactionAmount"] == 500
        assert values["TransactionReceipt"] == entry["receipt"]
        assert values["ReceiverPartyPublicName"].startswith(f"{PHONE} - ")
        assert '"B2CUtilityAccountAvailableFunds","Value":999500.00' in twin.posts[0].raw
        assert values["B2CChargesPaidAccountAvailableFunds"] == -22.40
        date = r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d"
        assert re.fullmatch(date, values["TransactionCompletedDateTime"])
        assert await twin.wallet() == 100_500

    async def test_book_entry(self, twin: DarajaTwin) -> None:
        await twin.payout()
        await twin.advance(7)
        [entry] = await twin.book()
        assert (entry["kind"], entry["msisdn"], entry["amount"]) == ("b2c", PHONE, "500")
        assert (entry["currency"], entry["fee"]) == ("KES", "22.40")
        assert entry["caller_refs"] == {"OriginatorConversationID": "payout-1"}
        assert entry["callback_url"] == "http://127.0.0.1:9/hooks/payout"

    async def test_failure_has_a_filler_and_no_parameters(self, twin: DarajaTwin) -> None:
        await twin.payout(PartyB="254712345240")
        await twin.advance(7)
        [result] = twin.results()
        assert result["ResultCode"] == 2040
        assert result["TransactionID"].endswith("0000000")
        assert "ResultParameters" not in result

    async def test_other_shapes(self, open_twin: OpenTwin) -> None:
        shapes = {"single_parameter": True, "reference_item_list": True}
        async with open_twin(**shapes, result_code_as_text=True) as twin:
            await twin.payout()
            await twin.advance(7)
            [result] = twin.results()
            assert result["ResultCode"] == "0"
            assert result["ResultParameters"]["ResultParameter"] == {
                "Key": "TransactionAmount",
                "Value": 500,
            }
            assert isinstance(result["ReferenceData"]["ReferenceItem"], list)

    @pytest.mark.parametrize(
        ("over", "code"),
        [
            ({"Amount": 9}, 2),
            ({"Amount": 250_001}, 3),
            ({"PartyA": "600000"}, 2028),
            ({"InitiatorName": "somebody"}, 2001),
            ({"PartyB": "254712345203"}, "SFC_IC0003"),
            ({"PartyB": "254712345204"}, 4),
            ({"PartyB": "254712345208"}, 8),
        ],
    )
    async def test_codes(self, twin: DarajaTwin, over: dict[str, Any], code: int | str) -> None:
        await twin.payout(**over)
        await twin.advance(7)
        assert [result["ResultCode"] for result in twin.results()] == [code]
        assert await twin.book() == []

    async def test_empty_float_ends_with_1(self, twin: DarajaTwin) -> None:
        await twin.control("PUT", "/daraja/accounts/utility", {"amount": "499.99"})
        await twin.payout()
        await twin.advance(7)
        assert twin.results()[0]["ResultCode"] == 1
        await twin.control("PUT", "/daraja/accounts/utility", {"amount": "500.00"})
        await twin.payout(OriginatorConversationID="payout-2")
        await twin.advance(7)
        assert twin.results()[1]["ResultCode"] == 0
        balances = await twin.control("GET", "/daraja/accounts")
        assert balances == {"paybill": "0.00", "utility": "0.00", "charges": "-22.40"}


class TestInitiator:
    async def test_wrong_passwords_end_with_2001_and_then_lock(self, open_twin: OpenTwin) -> None:
        async with open_twin(initiator_attempts=2) as twin:
            pem = (await twin.http.get("/control/daraja/certificate")).content
            wrong, right = seal(pem, "wrong"), twin.credential
            for number, credential in enumerate((wrong, wrong, right)):
                await twin.payout(
                    OriginatorConversationID=f"p-{number}", SecurityCredential=credential
                )
            await twin.advance(7)
            assert [result["ResultCode"] for result in twin.results()] == [2001, 2001, 8006]
            await twin.control("POST", "/daraja/initiator/unlock")
            await twin.payout(OriginatorConversationID="p-9")
            await twin.advance(7)
            assert twin.results()[-1]["ResultCode"] == 0

    async def test_a_credential_for_another_certificate_ends_with_2001(
        self, twin: DarajaTwin
    ) -> None:
        await twin.payout(SecurityCredential="AAAA")
        await twin.advance(7)
        assert twin.results()[0]["ResultCode"] == 2001


class TestTravel:
    @pytest.mark.parametrize(("suffix", "status"), [("604", "Completed"), ("605", "Failed")])
    async def test_queue_timeout_tells_nothing_and_status_tells_all(
        self, twin: DarajaTwin, suffix: str, status: str
    ) -> None:
        await twin.payout(PartyB=f"254712345{suffix}")
        await twin.advance(7)
        [post] = twin.posts
        assert post.path == "/hooks/late"
        assert post.body["Result"]["OriginatorConversationID"] == "payout-1"
        await twin.advance(20)
        assert len(twin.posts) == 1
        await twin.status(OriginalConversationID="payout-1")
        await twin.advance(7)
        assert parameters(twin.results()[-1])["TransactionStatus"] == status
        assert len(await twin.book()) == (1 if status == "Completed" else 0)

    @pytest.mark.parametrize(("suffix", "posts"), [("301", 0), ("302", 2)])
    async def test_results_are_lost_and_doubled_like_callbacks(
        self, twin: DarajaTwin, suffix: str, posts: int
    ) -> None:
        await twin.payout(PartyB=f"254712345{suffix}")
        await twin.advance(20)
        assert (len(twin.posts), len(await twin.book())) == (posts, 1)

    async def test_result_before_the_answer(self, twin: DarajaTwin) -> None:
        await twin.payout(PartyB="254712345304")
        assert len(twin.results()) == len(await twin.book()) == 1

    async def test_forged_result(self, twin: DarajaTwin) -> None:
        await twin.payout(PartyB="254712345306")
        await twin.advance(7)
        forged, real = twin.results()
        assert (forged["ResultCode"], parameters(forged)["TransactionAmount"]) == (0, 1500)
        assert real["ResultCode"] == 2040
        assert await twin.book() == []

    async def test_answer_lost_then_the_same_id_proves_arrival(self, twin: DarajaTwin) -> None:
        with pytest.raises(ConnectionResetError):
            await twin.payout(PartyB="254712345401")
        with pytest.raises(ConnectionResetError):
            await twin.payout(PartyB="254712345404", OriginatorConversationID="payout-2")
        again = await twin.payout(PartyB="254712345401")
        assert again.json()["errorCode"] == "500.002.1001"
        assert (await twin.payout(OriginatorConversationID="payout-2")).status_code == 200
