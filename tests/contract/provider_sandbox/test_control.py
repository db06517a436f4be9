"""The control API: book, requests, settings, clock, reset."""

from datetime import datetime

import pytest

from tests.contract.provider_sandbox.world import PHONE, OpenWorld, World


class TestBook:
    async def test_equals_what_the_callbacks_told(self, world: World) -> None:
        for number in range(20):
            await world.pushed(
                Amount=number + 1,
                AccountReference=f"R{number}",
                PartyA=f"2547120{number:02d}{'032' if number % 4 == 0 else '555'}",
            )
        await world.advance(30)
        told = {
            items[1]["Value"]: items[0]["Value"]
            for post in world.stk_posts()
            if (items := post.get("CallbackMetadata", {}).get("Item"))
        }
        book = await world.book()
        assert {entry["receipt"]: int(entry["amount"]) for entry in book} == told
        assert len(book) == 15
        accounts = await world.control("GET", "/daraja/accounts")
        assert accounts["paybill"] == f"{sum(told.values()):.2f}"

    async def test_entry_of_a_push_and_since(self, world: World) -> None:
        checkout_id = await world.pushed()
        await world.advance(20)
        [entry] = await world.book()
        assert datetime.fromisoformat(entry["at"]).utcoffset() is not None
        assert (entry["provider"], entry["kind"], entry["msisdn"]) == ("daraja", "stk", PHONE)
        assert entry["provider_ids"]["CheckoutRequestID"] == checkout_id
        assert entry["caller_refs"] == {"AccountReference": "CIFT1"}
        assert entry["callback_url"] == "http://127.0.0.1:9/hooks/a"
        assert await world.book(since=entry["seq"]) == []


class TestRequests:
    async def test_counts_every_push_by_reference_and_address(self, open_world: OpenWorld) -> None:
        async with open_world(lock_s=60) as world:
            await world.push()
            await world.push()
            await world.push(AccountReference="OTHER", CallBackURL="http://127.0.0.1:9/hooks/b")
            counts = (await world.control("GET", "/requests"))["daraja.stk"]
            assert (counts["received"], counts["accepted"]) == (3, 1)
            assert counts["by_reference"] == {"CIFT1": 2, "OTHER": 1}
            assert counts["by_callback_url"]["http://127.0.0.1:9/hooks/b"] == 1
            assert counts["accepted_by_reference"] == {"CIFT1": 1}
            assert counts["accepted_by_callback_url"] == {"http://127.0.0.1:9/hooks/a": 1}
            twice = (await world.control("GET", "/requests?at_least=2"))["daraja.stk"]
            assert twice["by_reference"] == {"CIFT1": 2}


class TestSettings:
    async def test_are_shown_without_secrets(self, world: World) -> None:
        shown = await world.control("GET", "/settings")
        assert shown["short_code"] == "174379"
        assert not {"consumer_secret", "passkey", "initiator_password"} & shown.keys()

    @pytest.mark.parametrize(
        "patch", [{"http_port": 1}, {"no_such": 1}, {"query_noise": 2}, {"speed": 0}]
    )
    async def test_refuse_what_cannot_be(self, world: World, patch: dict[str, int]) -> None:
        answer = await world.http.patch("/control/settings", json=patch)
        assert answer.status_code == 422


class TestClock:
    async def test_another_speed_brings_planned_events_nearer(self, world: World) -> None:
        await world.pushed()
        await world.control("POST", "/clock", {"speed": 1000})
        for _ in range(100):
            await world.settle()
            if world.posts:
                break
        assert len(world.posts) == 1

    async def test_pending_shows_what_is_to_come(self, world: World) -> None:
        await world.pushed()
        pending = await world.control("GET", "/pending")
        assert pending == {"agenda": {"daraja.stk.decide": 1}, "overdue": 0, "callbacks": {}}


class TestReset:
    async def test_forgets_everything_and_goes_on(self, world: World) -> None:
        await world.pushed()
        await world.advance(20)
        await world.pushed()
        await world.control("POST", "/reset")
        assert (await world.book(), await world.control("GET", "/requests")) == ([], {})
        assert await world.control("GET", "/pending") == {
            "agenda": {},
            "overdue": 0,
            "callbacks": {},
        }
        assert (await world.push()).status_code == 404
        await world.sign_in()
        await world.pushed()
        await world.advance(20)
        assert len(await world.book()) == 1
