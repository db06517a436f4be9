"""Each virtual phone does what the table says: result, callbacks, money."""

import httpx
import pytest

from tests.contract.provider_sandbox.world import PHONE, OpenWorld, World

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
    async def test_failing_phones_move_no_money(self, world: World, suffix: str, code: str) -> None:
        checkout_id = await world.pushed(PartyA=phone(suffix))
        await world.advance(30)
        assert await world.code(checkout_id) == code
        assert [told["ResultCode"] for told in world.stk_posts()] == [int(code)]
        assert await world.book() == []
        assert await world.wallet(phone(suffix)) == 100_000

    async def test_unreachable_is_known_to_the_query_before_the_callback(
        self, world: World
    ) -> None:
        checkout_id = await world.pushed(PartyA=phone("037"))
        await world.advance(15)
        assert (await world.code(checkout_id), world.posts) == ("1037", [])
        await world.advance(11.5)
        assert len(world.posts) == 1

    async def test_never_answers(self, world: World) -> None:
        checkout_id = await world.pushed(PartyA=phone("099"))
        await world.advance(3500)
        assert (await world.code(checkout_id), world.posts) == ("4999", [])

    async def test_slow_then_pays(self, world: World) -> None:
        checkout_id = await world.pushed(PartyA=phone("501"))
        await world.advance(160)
        assert await world.code(checkout_id) == "4999"
        await world.advance(15)
        assert await world.code(checkout_id) == "0"
        assert len(await world.book()) == len(world.posts) == 1

    async def test_late_success_after_a_failure_callback(self, world: World) -> None:
        checkout_id = await world.pushed(PartyA=phone("502"))
        await world.advance(30)
        assert (await world.code(checkout_id), await world.book()) == ("1037", [])
        await world.advance(35)
        assert await world.code(checkout_id) == "0"
        assert [told["ResultCode"] for told in world.stk_posts()] == [1037, 0]
        assert len(await world.book()) == 1

    async def test_public_test_phone_pays_or_does_as_told(self, open_world: OpenWorld) -> None:
        number = "254708374149"
        async with open_world() as world:
            paid = await world.pushed(PartyA=number)
            await world.advance(20)
            assert await world.code(paid) == "0"
            await world.control("PATCH", "/settings", {"public_test_phone": "times_out"})
            lost = await world.pushed(PartyA=number)
            await world.advance(20)
            assert await world.code(lost) == "1037"

    async def test_suffixes_can_be_switched_off(self, open_world: OpenWorld) -> None:
        async with open_world(suffix_behaviours=False) as world:
            checkout_id = await world.pushed(PartyA=phone("032"))
            await world.advance(20)
            assert await world.code(checkout_id) == "0"


class TestWallet:
    async def test_a_push_for_more_than_the_wallet_ends_with_1(self, world: World) -> None:
        await world.control("PUT", f"/daraja/phones/{PHONE}", {"wallet": "150"})
        first, second = await world.pushed(), await world.pushed()
        await world.advance(20)
        assert [await world.code(first), await world.code(second)] == ["0", "1"]
        assert await world.wallet() == 50
        assert len(await world.book()) == 1

    async def test_the_control_gives_a_phone_a_behaviour_and_takes_it_back(
        self, world: World
    ) -> None:
        await world.control("PUT", f"/daraja/phones/{PHONE}", {"behaviour": "cancels"})
        checkout_id = await world.pushed()
        await world.advance(30)
        assert await world.code(checkout_id) == "1032"
        await world.control("DELETE", f"/daraja/phones/{PHONE}")
        shown = await world.control("GET", f"/daraja/phones/{PHONE}")
        assert shown == {"msisdn": PHONE, "behaviour": "pays", "wallet": "100000"}


class TestCallbacks:
    async def test_lost(self, world: World) -> None:
        checkout_id = await world.pushed(PartyA=phone("301"))
        await world.advance(500)
        assert (await world.code(checkout_id), world.posts) == ("0", [])
        assert (await world.control("GET", "/callbacks"))["entries"][0]["state"] == "lost"

    async def test_twice(self, world: World) -> None:
        await world.pushed(PartyA=phone("302"))
        await world.advance(25)
        first, second = world.posts
        assert first.raw == second.raw
        assert len(await world.book()) == 1

    async def test_late(self, world: World) -> None:
        checkout_id = await world.pushed(PartyA=phone("303"))
        await world.advance(100)
        assert (await world.code(checkout_id), world.posts) == ("0", [])
        await world.advance(81)
        assert len(world.posts) == 1

    async def test_before_the_answer(self, world: World) -> None:
        answer = await world.push(PartyA=phone("304"))
        assert [told["CheckoutRequestID"] for told in world.stk_posts()] == [
            answer.json()["CheckoutRequestID"]
        ]
        assert len(await world.book()) == 1
        await world.advance(100)
        assert len(world.posts) == 1

    @pytest.mark.parametrize(("suffix", "code", "movements"), [("305", 0, 1), ("306", 1032, 0)])
    async def test_forged_first(self, world: World, suffix: str, code: int, movements: int) -> None:
        checkout_id = await world.pushed(PartyA=phone(suffix))
        await world.advance(3)
        [forged] = world.stk_posts()
        assert (forged["CheckoutRequestID"], forged["ResultCode"]) == (checkout_id, 0)
        assert forged["CallbackMetadata"]["Item"][0]["Value"] == 1100
        assert await world.code(checkout_id) == "4999"
        await world.advance(30)
        assert [told["ResultCode"] for told in world.stk_posts()] == [0, code]
        assert len(await world.book()) == movements

    async def test_out_of_order(self, world: World) -> None:
        held = await world.pushed(PartyA=phone("307"))
        await world.advance(5)
        later = await world.pushed()
        await world.advance(40)
        assert [told["CheckoutRequestID"] for told in world.stk_posts()] == [later, held]


class TestSubmission:
    async def test_answer_lost_after_the_payment_was_registered(self, world: World) -> None:
        with pytest.raises(ConnectionResetError):
            await world.push(PartyA=phone("401"))
        await world.advance(20)
        assert len(await world.book()) == len(world.posts) == 1

    async def test_dropped_before(self, world: World) -> None:
        with pytest.raises(ConnectionResetError):
            await world.push(PartyA=phone("404"))
        await world.advance(100)
        assert (await world.book(), world.posts) == ([], [])

    @pytest.mark.parametrize(("suffix", "status", "movements"), [("402", 500, 0), ("403", 502, 1)])
    async def test_html_pages(self, world: World, suffix: str, status: int, movements: int) -> None:
        answer = await world.push(PartyA=phone(suffix))
        assert (answer.status_code, answer.text[:6]) == (status, "<html>")
        await world.advance(20)
        assert len(await world.book()) == movements

    @pytest.mark.parametrize(("suffix", "status"), [("428", 500), ("429", 429)])
    async def test_refused_once_then_taken(self, world: World, suffix: str, status: int) -> None:
        answers: list[httpx.Response] = [await world.push(PartyA=phone(suffix)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status, 200, status]
        if suffix == "428":
            assert answers[0].json()["errorCode"] == "500.003.02"
        await world.advance(20)
        assert len(await world.book()) == 1
