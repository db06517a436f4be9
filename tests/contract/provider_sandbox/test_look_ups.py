"""Transaction status, reversal, account balance and C2B confirmation."""

from typing import Any

import pytest

from tests.support.daraja_twin import (
    BALANCE,
    PHONE,
    SHORT_CODE,
    DarajaTwin,
    OpenTwin,
    parameters,
)


async def deposit(twin: DarajaTwin) -> str:
    """A paid push's receipt."""
    await twin.pushed()
    await twin.advance(19)
    return str((await twin.book())[-1]["receipt"])


async def withdrawal(twin: DarajaTwin) -> str:
    """A paid payout's receipt."""
    await twin.payout()
    await twin.advance(7)
    return str((await twin.book())[-1]["receipt"])


class TestStatus:
    async def test_of_a_payout_by_the_callers_id(self, twin: DarajaTwin) -> None:
        receipt = await withdrawal(twin)
        answer = (await twin.status(OriginalConversationID="payout-1")).json()
        assert answer["ResponseCode"] == "0"
        await twin.advance(7)
        result = twin.results()[-1]
        assert (result["ResultCode"], result["ConversationID"]) == (0, answer["ConversationID"])
        values = parameters(result)
        assert values["ReceiptNo"] == receipt
        assert values["TransactionStatus"] == "Completed"
        assert values["Amount"] == 500
        assert values["DebitPartyCharges"] == "Fee For B2C Payment|KES|22.40"
        assert values["OriginatorConversationID"] == "payout-1"
        assert {"Key": "TransactionReason"} in result["ResultParameters"]["ResultParameter"]

    async def test_of_both_kinds_by_receipt(self, twin: DarajaTwin) -> None:
        paid_in, paid_out = await deposit(twin), await withdrawal(twin)
        for receipt, amount in ((paid_in, 100), (paid_out, 500)):
            await twin.status(TransactionID=receipt)
            await twin.advance(7)
            values = parameters(twin.results()[-1])
            assert (values["ReceiptNo"], values["Amount"]) == (receipt, amount)

    async def test_of_a_payout_in_flight_and_of_a_failed_one(self, twin: DarajaTwin) -> None:
        await twin.payout(PartyB="254712345501", OriginatorConversationID="slow")
        await twin.payout(PartyB="254712345240", OriginatorConversationID="failed")
        await twin.advance(7)
        for name, word in (("slow", "Pending"), ("failed", "Failed")):
            await twin.status(OriginalConversationID=name)
            await twin.advance(7)
            assert parameters(twin.results()[-1])["TransactionStatus"] == word

    @pytest.mark.parametrize(
        "over",
        [{"TransactionID": "SKE1234567"}, {"OriginalConversationID": "never-sent"}, {}],
    )
    async def test_of_nothing_ends_with_25(self, twin: DarajaTwin, over: dict[str, str]) -> None:
        await twin.status(**over)
        await twin.advance(7)
        [result] = twin.results()
        assert result["ResultCode"] == 25
        assert "ResultParameters" not in result

    async def test_may_spell_keys_with_blanks(self, open_twin: OpenTwin) -> None:
        async with open_twin(blank_keys=True) as twin:
            await withdrawal(twin)
            await twin.status(OriginalConversationID="payout-1")
            await twin.advance(7)
            values = parameters(twin.results()[-1])
            assert values["Originator Conversation ID"] == "payout-1"

    async def test_needs_the_operator(self, twin: DarajaTwin) -> None:
        await withdrawal(twin)
        await twin.status(OriginalConversationID="payout-1", Initiator="somebody")
        await twin.advance(7)
        assert twin.results()[-1]["ResultCode"] == 2001

    @pytest.mark.parametrize(
        ("field", "value"), [("CommandID", "x"), ("IdentifierType", "1"), ("Remarks", "")]
    )
    async def test_names_a_wrong_field(self, twin: DarajaTwin, field: str, value: str) -> None:
        answer = await twin.status(**{field: value})
        assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"


class TestReversal:
    async def test_gives_the_money_back_once(self, twin: DarajaTwin) -> None:
        receipt = await deposit(twin)
        await twin.reverse(receipt, 100)
        await twin.advance(7)
        result = twin.results()[-1]
        values = parameters(result)
        assert (result["ResultCode"], values["OriginalTransactionID"]) == (0, receipt)
        assert (values["Amount"], values["CreditPartyPublicName"][:12]) == (100, PHONE)
        assert await twin.wallet() == 100_000
        entry = (await twin.book())[-1]
        assert (entry["kind"], entry["amount"]) == ("reversal", "100")
        assert entry["receipt"] == result["TransactionID"]
        assert entry["provider_ids"]["OriginalTransactionID"] == receipt
        assert entry["caller_refs"] == {"AccountReference": "CIFT1"}
        await twin.reverse(receipt, 100)
        await twin.advance(7)
        assert twin.results()[-1]["ResultCode"] == "R000001"
        assert len(await twin.book()) == 2

    async def test_two_at_once_give_back_once(self, twin: DarajaTwin) -> None:
        receipt = await deposit(twin)
        await twin.reverse(receipt, 100)
        await twin.reverse(receipt, 100)
        await twin.advance(7)
        assert [result["ResultCode"] for result in twin.results()] == [0, "R000001"]

    async def test_refuses_unknown_receipts_payouts_parts_and_strangers(
        self, twin: DarajaTwin
    ) -> None:
        paid_in, paid_out = await deposit(twin), await withdrawal(twin)
        cases: list[tuple[str, int, dict[str, Any], object]] = [
            ("SKE1234567", 100, {}, "R000002"),
            (paid_out, 500, {}, 2028),
            (paid_in, 99, {}, 25),
            (paid_in, 100, {"ReceiverParty": "600000"}, 2028),
            (paid_in, 100, {"Initiator": "somebody"}, 2001),
        ]
        for receipt, amount, over, code in cases:
            await twin.reverse(receipt, amount, **over)
            await twin.advance(7)
            assert twin.results()[-1]["ResultCode"] == code
        assert [entry["kind"] for entry in await twin.book()] == ["stk", "b2c"]

    async def test_needs_money_on_the_paybill(self, twin: DarajaTwin) -> None:
        receipt = await deposit(twin)
        await twin.control("PUT", "/daraja/accounts/paybill", {"amount": "99.00"})
        await twin.reverse(receipt, 100)
        await twin.advance(7)
        assert twin.results()[-1]["ResultCode"] == 1
        assert await twin.wallet() == 99_900


class TestBalance:
    async def test_joins_the_accounts(self, twin: DarajaTwin) -> None:
        await withdrawal(twin)
        await twin.call(BALANCE, twin.job_body("AccountBalance"))
        await twin.advance(7)
        accounts = parameters(twin.results()[-1])["AccountBalance"].split("&")
        assert accounts == [
            "Working Account|KES|0.00|0.00|0.00|0.00",
            "Utility Account|KES|999500.00|999500.00|0.00|0.00",
            "Charges Paid Account|KES|-22.40|-22.40|0.00|0.00",
        ]


C2B_BODY = {
    "ShortCode": SHORT_CODE,
    "ResponseType": "Completed",
    "ConfirmationURL": "http://127.0.0.1:9/hooks/confirm",
    "ValidationURL": "http://127.0.0.1:9/hooks/validate",
}


class TestC2bConfirmation:
    async def test_follows_a_paid_push_when_switched_on(self, open_twin: OpenTwin) -> None:
        async with open_twin(c2b_confirmation=True) as twin:
            answer = await twin.call("/mpesa/c2b/v2/registerurl", C2B_BODY)
            assert answer.json()["ResponseCode"] == "0"
            receipt = await deposit(twin)
            [told] = [post.body for post in twin.posts if post.path == "/hooks/confirm"]
            assert (told["TransID"], told["BillRefNumber"]) == (receipt, "CIFT1")
            assert (told["TransAmount"], told["MSISDN"]) == ("100.00", "25471****678")

    async def test_is_off_by_default_and_registered_once(self, twin: DarajaTwin) -> None:
        await twin.call("/mpesa/c2b/v1/registerurl", C2B_BODY)
        again = await twin.call("/mpesa/c2b/v1/registerurl", C2B_BODY)
        assert again.json()["errorCode"] == "500.003.1001"
        await deposit(twin)
        assert len(twin.posts) == 1
