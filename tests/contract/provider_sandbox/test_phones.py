"""Each virtual phone does what the table says: result, callbacks, money."""

import httpx
import pytest

from tests.support.daraja_twin import PHONE, DarajaTwin, OpenTwin

FAILURES = [
    ("001", "1"),
    ("019", "1019"),
    ("025", "1025"),
    ("026", "26"),
    ("032", "1032"),
    ("037", "1037"),
    ("101", "1001"),
    ("201", "2001"),
    ("806", "8006"),
]


def phone(suffix: str) -> str:
    """A number with this ending."""
    return f"254712345{suffix}"


class TestResults:
    @pytest.mark.parametrize(("suffix", "code"), FAILURES)
    async def test_failing_phones_move_no_money(
        self, twin: DarajaTwin, suffix: str, code: str
    ) -> None:
        checkout_id = await twin.pushed(PartyA=phone(suffix))
        await twin.advance(30)
        assert await twin.code(checkout_id) == code
        assert [told["ResultCode"] for told in twin.stk_posts()] == [int(code)]
        assert await twin.book() == []
        assert await twin.wallet(phone(suffix)) == 100_000

    async def test_unreachable_is_known_to_the_query_before_the_callback(
        self, twin: DarajaTwin
    ) -> None:
        checkout_id = await twin.pushed(PartyA=phone("037"))
        await twin.advance(15)
        assert (await twin.code(checkout_id), twin.posts) == ("1037", [])
        await twin.advance(11.5)
        assert len(twin.posts) == 1

    async def test_never_answers(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA=phone("099"))
        await twin.advance(3500)
        assert (await twin.code(checkout_id), twin.posts) == ("4999", [])

    async def test_slow_then_pays(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA=phone("501"))
        await twin.advance(160)
        assert await twin.code(checkout_id) == "4999"
        await twin.advance(15)
        assert await twin.code(checkout_id) == "0"
        assert len(await twin.book()) == len(twin.posts) == 1

    async def test_late_success_after_a_failure_callback(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA=phone("502"))
        await twin.advance(30)
        assert (await twin.code(checkout_id), await twin.book()) == ("1037", [])
        await twin.advance(35)
        assert await twin.code(checkout_id) == "0"
        assert [told["ResultCode"] for told in twin.stk_posts()] == [1037, 0]
        assert len(await twin.book()) == 1

    async def test_public_test_phone_pays_or_does_as_told(self, open_twin: OpenTwin) -> None:
        number = "254708374149"
        async with open_twin() as twin:
            paid = await twin.pushed(PartyA=number)
            await twin.advance(20)
            assert await twin.code(paid) == "0"
            await twin.control("PATCH", "/settings", {"public_test_phone": "times_out"})
            lost = await twin.pushed(PartyA=number)
            await twin.advance(20)
            assert await twin.code(lost) == "1037"

    async def test_suffixes_can_be_switched_off(self, open_twin: OpenTwin) -> None:
        async with open_twin(suffix_behaviours=False) as twin:
            checkout_id = await twin.pushed(PartyA=phone("032"))
            await twin.advance(20)
            assert await twin.code(checkout_id) == "0"


class TestWallet:
    async def test_a_push_for_more_than_the_wallet_ends_with_1(self, twin: DarajaTwin) -> None:
        await twin.control("PUT", f"/daraja/phones/{PHONE}", {"wallet": "150"})
        first, second = await twin.pushed(), await twin.pushed()
        await twin.advance(20)
        assert [await twin.code(first), await twin.code(second)] == ["0", "1"]
        assert await twin.wallet() == 50
        assert len(await twin.book()) == 1

    async def test_the_control_gives_a_phone_a_behaviour_and_takes_it_back(
        self, twin: DarajaTwin
    ) -> None:
        await twin.control("PUT", f"/daraja/phones/{PHONE}", {"behaviour": "cancels"})
        checkout_id = await twin.pushed()
        await twin.advance(30)
        assert await twin.code(checkout_id) == "1032"
        await twin.control("DELETE", f"/daraja/phones/{PHONE}")
        shown = await twin.control("GET", f"/daraja/phones/{PHONE}")
        assert shown == {"msisdn": PHONE, "behaviour": "pays", "wallet": "100000"}


class TestCallbacks:
    async def test_lost(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA=phone("301"))
        await twin.advance(500)
        assert (await twin.code(checkout_id), twin.posts) == ("0", [])
        assert (await twin.control("GET", "/callbacks"))["entries"][0]["state"] == "lost"

    async def test_twice(self, twin: DarajaTwin) -> None:
        await twin.pushed(PartyA=phone("302"))
        await twin.advance(25)
        first, second = twin.posts
        assert first.raw == second.raw
        assert len(await twin.book()) == 1

    async def test_late(self, twin: DarajaTwin) -> None:
        checkout_id = await twin.pushed(PartyA=phone("303"))
        await twin.advance(100)
        assert (await twin.code(checkout_id), twin.posts) == ("0", [])
        await twin.advance(81)
        assert len(twin.posts) == 1

    async def test_before_the_answer(self, twin: DarajaTwin) -> None:
        answer = await twin.push(PartyA=phone("304"))
        assert [told["CheckoutRequestID"] for told in twin.stk_posts()] == [
            answer.json()["CheckoutRequestID"]
        ]
        assert len(await twin.book()) == 1
        await twin.advance(100)
        assert len(twin.posts) == 1

    @pytest.mark.parametrize(("suffix", "code", "movements"), [("305", 0, 1), ("306", 1032, 0)])
    async def test_forged_first(
        self, twin: DarajaTwin, suffix: str, code: int, movements: int
    ) -> None:
        checkout_id = await twin.pushed(PartyA=phone(suffix))
        await twin.advance(3)
        [forged] = twin.stk_posts()
        assert (forged["CheckoutRequestID"], forged["ResultCode"]) == (checkout_id, 0)
        assert forged["CallbackMetadata"]["Item"][0]["Value"] == 1100
        assert await twin.code(checkout_id) == "4999"
        await twin.advance(30)
        assert [told["ResultCode"] for told in twin.stk_posts()] == [0, code]
        assert len(await twin.book()) == movements

    async def test_out_of_order(self, twin: DarajaTwin) -> None:
        held = await twin.pushed(PartyA=phone("307"))
        await twin.advance(5)
        later = await twin.pushed()
        await twin.advance(40)
        assert [told["CheckoutRequestID"] for told in twin.stk_posts()] == [later, held]


class TestSubmission:
    async def test_answer_lost_after_the_payment_was_registered(self, twin: DarajaTwin) -> None:
        with pytest.raises(ConnectionResetError):
            await twin.push(PartyA=phone("401"))
        await twin.advance(20)
        assert len(await twin.book()) == len(twin.posts) == 1

    async def test_dropped_before(self, twin: DarajaTwin) -> None:
        with pytest.raises(ConnectionResetError):
            await twin.push(PartyA=phone("404"))
        await twin.advance(100)
        assert (await twin.book(), twin.posts) == ([], [])

    @pytest.mark.parametrize(("suffix", "status", "movements"), [("402", 500, 0), ("403", 502, 1)])
    async def test_html_pages(
        self, twin: DarajaTwin, suffix: str, status: int, movements: int
    ) -> None:
        answer = await twin.push(PartyA=phone(suffix))
        assert (answer.status_code, answer.text[:6]) == (status, "<html>")
        await twin.advance(20)
        assert len(await twin.book()) == movements

    @pytest.mark.parametrize(("suffix", "status"), [("428", 500), ("429", 429)])
    async def test_refused_once_then_taken(
        self, twin: DarajaTwin, suffix: str, status: int
    ) -> None:
        answers: list[httpx.Response] = [await twin.push(PartyA=phone(suffix)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status, 200, status]
        if suffix == "428":
            assert answers[0].json()["errorCode"] == "500.003.02"
        await twin.advance(20)
        assert len(await twin.book()) == 1
