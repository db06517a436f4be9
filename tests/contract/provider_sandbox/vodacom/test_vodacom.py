"""The twin of Vodacom's M-Pesa OpenAPI: what its description says of the real one."""

from typing import Any

import pytest

from provider_sandbox.vodacom.behaviours import SANDBOX_NUMBERS
from tests.contract.provider_sandbox.vodacom.conftest import OpenTwin
from tests.support.vodacom_twin import PHONE, VodacomTwin


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["output_ResponseCode"]


class TestSessions:
    async def test_the_api_key_gives_a_session(self, twin: VodacomTwin) -> None:
        answer = await twin.sign_in()
        assert code(answer) == (200, "INS-0")
        assert len(answer.json()["output_SessionID"]) == 32

    @pytest.mark.parametrize("given", [{"key": "another"}, {"Origin": ""}])
    async def test_another_key_or_no_origin_does_not(
        self, twin: VodacomTwin, given: dict[str, str]
    ) -> None:
        assert code(await twin.sign_in(**given)) == (400, "INS-989")

    async def test_a_new_one_is_accepted_later_and_the_old_one_stays(
        self, opened: OpenTwin
    ) -> None:
        async with opened(vodacom_session_settles_s=30) as twin:
            assert (await twin.pay()).status_code == 401
            await twin.pass_time(30)
            assert code(await twin.pay()) == (201, "INS-0")
            old = twin.session
            await twin.sign_in()
            assert (await twin.pay()).status_code == 401
            twin.session = old
            assert code(await twin.pay()) == (201, "INS-0")

    async def test_it_ends(self, opened: OpenTwin) -> None:
        async with opened(vodacom_session_error="INS-989") as twin:
            await twin.pass_time(3601)
            assert code(await twin.pay()) == (400, "INS-989")

    async def test_it_may_have_a_limit(self, opened: OpenTwin) -> None:
        async with opened(vodacom_session_calls=1) as twin:
            await twin.pay()
            assert code(await twin.pay()) == (400, "INS-993")


class TestFields:
    @pytest.mark.parametrize(
        ("over", "wanted"),
        [
            ({"input_Amount": "12.50"}, "INS-15"),
            ({"input_Amount": "0"}, "INS-15"),
            ({"input_Amount": "x"}, "INS-15"),
            ({"input_CustomerMSISDN": "0754123456"}, "INS-2051"),
            ({"input_Currency": "KES"}, "INS-26"),
            ({"input_Country": "KEN"}, "INS-998"),
            ({"input_ServiceProviderCode": "171717"}, "INS-13"),
            ({"input_TransactionReference": "x" * 21}, "INS-17"),
            ({"input_ThirdPartyConversationID": "a-b"}, "INS-19"),
            ({"input_PurchasedItemsDesc": "a-b"}, "INS-30"),
            ({"input_PurchasedItemsDesc": ""}, "INS-20"),
        ],
    )
    async def test_each_rule_has_its_code(
        self, twin: VodacomTwin, over: dict[str, str], wanted: str
    ) -> None:
        assert code(await twin.pay(**over)) == (400, wanted)

    async def test_a_field_of_another_type(self, twin: VodacomTwin) -> None:
        over: Any = {"input_Amount": 1000}
        assert code(await twin.pay(**over)) == (400, "INS-21")

    async def test_an_amount_with_decimals_is_the_same(self, twin: VodacomTwin) -> None:
        await twin.paid(input_Amount="1000.00")
        assert await twin.book() == [("c2b", "1000")]

    async def test_a_key_is_used_once(self, twin: VodacomTwin) -> None:
        fields = twin.payment()
        assert code(await twin.call("POST", "c2bPayment/singleStage/", fields)) == (201, "INS-0")
        assert code(await twin.call("POST", "c2bPayment/singleStage/", fields)) == (409, "INS-10")
        again = {"input_ThirdPartyConversationID": fields["input_ThirdPartyConversationID"]}
        assert code(await twin.pay("b2c", **again)) == (409, "INS-10")
        assert (await twin.query("x", **again))["output_ResponseCode"] == "INS-10"
        await twin.pass_time(20)
        assert await twin.book() == [("c2b", "1000")]

    async def test_a_refused_request_uses_up_no_key(self, twin: VodacomTwin) -> None:
        fields = twin.payment(input_Amount="x")
        await twin.call("POST", "c2bPayment/singleStage/", fields)
        fields["input_Amount"] = "5"
        assert code(await twin.call("POST", "c2bPayment/singleStage/", fields)) == (201, "INS-0")


class TestAsynchronous:
    async def test_accepted_pending_completed_and_posted_once(self, twin: VodacomTwin) -> None:
        fields = twin.payment()
        answer = (await twin.call("POST", "c2bPayment/singleStage/", fields)).json()
        key = fields["input_ThirdPartyConversationID"]
        assert answer["output_TransactionID"] == "N/A"
        assert (await twin.query(key))["output_ResponseTransactionStatus"] == "Pending"
        await twin.pass_time(20)
        status = await twin.query(key)
        assert status["output_ResponseTransactionStatus"] == "Completed"
        [notice] = twin.notices
        assert notice == {
            "input_OriginalConversationID": answer["output_ConversationID"],
            "input_TransactionID": status["output_OriginalTransactionID"],
            "input_ResultCode": "INS-0",
            "input_ResultDesc": "Request processed successfully",
            "input_ThirdPartyConversationID": key,
        }

    async def test_found_by_each_of_its_ids(self, twin: VodacomTwin) -> None:
        fields = twin.payment()
        answer = (await twin.call("POST", "c2bPayment/singleStage/", fields)).json()
        await twin.pass_time(20)
        ids = [
            fields["input_ThirdPartyConversationID"],
            answer["output_ConversationID"],
            twin.notices[0]["input_TransactionID"],
        ]
        words = [(await twin.query(one))["output_ResponseTransactionStatus"] for one in ids]
        assert words == ["Completed"] * 3

    @pytest.mark.parametrize(
        ("ending", "word", "told"),
        [
            ("001", "Failed", "INS-2006"), ("005", "Cancelled", "INS-5"),
            ("006", "Failed", "INS-6"), ("009", "Expired", "INS-9"),
        ],
    )  # fmt: skip
    async def test_endings(self, twin: VodacomTwin, ending: str, word: str, told: str) -> None:
        fields = twin.payment(input_CustomerMSISDN=PHONE[:-3] + ending)
        await twin.call("POST", "c2bPayment/singleStage/", fields)
        await twin.pass_time(70)
        status = await twin.query(fields["input_ThirdPartyConversationID"])
        assert status["output_ResponseTransactionStatus"] == word
        assert twin.notices[0]["input_ResultCode"] == told
        assert await twin.book() == []

    async def test_a_late_payment_after_its_time_out(self, twin: VodacomTwin) -> None:
        fields = twin.payment(input_CustomerMSISDN=PHONE[:-3] + "502")
        await twin.call("POST", "c2bPayment/singleStage/", fields)
        key = fields["input_ThirdPartyConversationID"]
        await twin.pass_time(70)
        assert (await twin.query(key))["output_ResponseTransactionStatus"] == "Pending"
        await twin.pass_time(100)
        assert (await twin.query(key))["output_ResponseTransactionStatus"] == "Completed"
        assert [one["input_ResultCode"] for one in twin.notices] == ["INS-9", "INS-0"]

    @pytest.mark.parametrize(("ending", "count"), [("301", 0), ("302", 2), ("304", 1), ("305", 2)])
    async def test_notices_that_are_lost_doubled_early_or_forged(
        self, twin: VodacomTwin, ending: str, count: int
    ) -> None:
        await twin.pay(input_CustomerMSISDN=PHONE[:-3] + ending)
        await twin.pass_time(30)
        assert len(twin.notices) == count
        assert await twin.book() == [("c2b", "1000")]
        if ending == "305":
            forged, true = twin.notices
            assert forged["input_ResultCode"] == "INS-0"
            assert forged["input_OriginalConversationID"] != true["input_OriginalConversationID"]

    @pytest.mark.parametrize("wanted", ["N/A", "INS-23"])
    async def test_an_unknown_transaction(self, opened: OpenTwin, wanted: str) -> None:
        async with opened(vodacom_unknown_query=wanted) as twin:
            found = await twin.query("unknown")
            assert wanted in (
                found["output_ResponseCode"], found.get("output_ResponseTransactionStatus")
            )  # fmt: skip


class TestSynchronous:
    async def test_the_answer_has_the_result(self, opened: OpenTwin) -> None:
        async with opened(vodacom_flow="synchronous", vodacom_success_s=0.05) as twin:
            answer = await twin.pay()
            assert code(answer) == (201, "INS-0")
            [entry] = (await twin.control("GET", "/book"))["entries"]
            assert answer.json()["output_TransactionID"] == entry["receipt"]
            assert twin.notices == []

    async def test_a_refusal_is_the_answer(self, opened: OpenTwin) -> None:
        async with opened(vodacom_flow="synchronous", vodacom_refusal_s=0.05) as twin:
            answer = await twin.pay(input_CustomerMSISDN=PHONE[:-3] + "001")
            assert code(answer) == (422, "INS-2006")

    async def test_it_gives_up_after_its_limit(self, opened: OpenTwin) -> None:
        async with opened(vodacom_flow="synchronous", vodacom_timeout_s=0.1) as twin:
            assert code(await twin.pay()) == (408, "INS-9")


class TestMoneyOut:
    async def test_a_payout_moves_from_our_balance(self, twin: VodacomTwin) -> None:
        before = int((await twin.control("GET", "/vodacom/balance"))["amount"])
        assert code(await twin.pay("b2c")) == (201, "INS-0")
        await twin.pass_time(10)
        assert int((await twin.control("GET", "/vodacom/balance"))["amount"]) == before - 1000
        assert await twin.book() == [("b2c", "1000")]

    @pytest.mark.parametrize("when", ["at_once", "later"])
    async def test_not_more_than_we_have(self, opened: OpenTwin, when: str) -> None:
        async with opened(vodacom_balance=500, vodacom_short_balance=when) as twin:
            fields = twin.payment("b2c")
            answer = await twin.call("POST", "b2cPayment/singleStage/", fields)
            assert code(answer) == ((422, "INS-2006") if when == "at_once" else (201, "INS-0"))
            await twin.pass_time(10)
            status = await twin.query(fields["input_ThirdPartyConversationID"])
            assert status["output_ResponseTransactionStatus"] == "Failed"
            assert await twin.book() == []

    async def test_a_reversal_gives_back_parts_up_to_the_whole(self, twin: VodacomTwin) -> None:
        paid = await twin.paid()
        wallet = int((await twin.control("GET", f"/vodacom/phones/{PHONE}"))["wallet"])
        for amount in ("400", "600"):
            assert code(await twin.reverse(paid, amount)) == (201, "INS-0")
            await twin.pass_time(10)
        assert code(await twin.reverse(paid, "1")) == (400, "INS-15")
        assert int((await twin.control("GET", f"/vodacom/phones/{PHONE}"))["wallet"]) == (
            wallet + 1000
        )
        assert await twin.book() == [("c2b", "1000"), ("reversal", "400"), ("reversal", "600")]

    async def test_an_unknown_transaction_is_not_reversed(self, twin: VodacomTwin) -> None:
        assert code(await twin.reverse("NOTHING1234", "1")) == (400, "INS-18")


class TestSandboxNumbers:
    @pytest.mark.parametrize("number", sorted(SANDBOX_NUMBERS))
    async def test_each_has_its_scenario(self, twin: VodacomTwin, number: str) -> None:
        shown = await twin.control("GET", f"/vodacom/phones/{number}")
        assert shown["behaviour"] == SANDBOX_NUMBERS[number]

    async def test_the_first_pays(self, twin: VodacomTwin) -> None:
        await twin.paid(input_CustomerMSISDN="000000000001")
        assert await twin.book() == [("c2b", "1000")]


class TestControl:
    async def test_a_phone_is_set_and_forgotten(self, twin: VodacomTwin) -> None:
        await twin.control("PUT", f"/vodacom/phones/{PHONE}", {"behaviour": "cancels"})
        assert (await twin.control("GET", f"/vodacom/phones/{PHONE}"))["behaviour"] == "cancels"
        await twin.http.delete(f"/control/vodacom/phones/{PHONE}")
        assert (await twin.control("GET", f"/vodacom/phones/{PHONE}"))["behaviour"] == "pays"
        wrong = await twin.http.put(f"/control/vodacom/phones/{PHONE}", json={"behaviour": "sings"})
        assert wrong.status_code == 422

    async def test_faults_before_and_after_the_effect(self, twin: VodacomTwin) -> None:
        for kind, moved in (("html_502", 0), ("html_502_after_effect", 1)):
            order = {"operation": "vodacom.c2b", "kind": kind}
            await twin.control("POST", "/faults", order)
            assert (await twin.pay()).status_code == 502
            await twin.pass_time(20)
            assert len(await twin.book()) == moved

    @pytest.mark.parametrize(
        ("kind", "wanted"),
        [("system_busy", (503, "INS-16")), ("internal_error", (400, "INS-1"))],
    )
    async def test_faults_with_a_code(
        self, twin: VodacomTwin, kind: str, wanted: tuple[int, str]
    ) -> None:
        await twin.control("POST", "/faults", {"operation": "vodacom.*", "kind": kind})
        assert code(await twin.pay()) == wanted

    async def test_a_refused_session_as_a_fault(self, twin: VodacomTwin) -> None:
        await twin.control(
            "POST", "/faults", {"operation": "vodacom.query", "kind": "token_invalid"}
        )
        fields = {"input_QueryReference": "x"}
        answer = await twin.call("GET", "queryTransactionStatus/", fields)
        assert (answer.status_code, answer.content) == (401, b"")

    async def test_the_statement_lists_the_book(self, twin: VodacomTwin) -> None:
        paid = await twin.paid()
        await twin.reverse(paid, "400")
        await twin.pay("b2c")
        await twin.pass_time(10)
        text = await twin.control("GET", "/vodacom/statement.csv")
        lines = text.splitlines()
        assert lines[2] == "Currency:,TZS"
        assert len(lines) == 5 + 3
        assert ',"1,000.00",' in lines[-1]

    async def test_a_reset_forgets_everything(self, twin: VodacomTwin) -> None:
        await twin.paid()
        await twin.control("POST", "/reset")
        assert await twin.book() == []
        assert (await twin.pay()).status_code == 401
